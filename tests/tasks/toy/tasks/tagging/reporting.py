"""What the results table shows of tagging."""

REPORTED_METRICS = ("accuracy",)
TRIVIAL_BASELINE = "baseline_commonest"
