"""What the results table shows of tagging."""

REPORTED_METRICS = ("accuracy",)
TRIVIAL_BASELINE = "baseline_commonest"
# Until results and promotion read info.py:
HEADLINE, PRIMARY, LOWER, STRONG = REPORTED_METRICS, "accuracy", (), "baseline_letter"
