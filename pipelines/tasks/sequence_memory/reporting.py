"""What the results tables, DVC and MLflow show first of this task."""

REPORTED_METRICS = ("loss", "accuracy", "digit_recall")
TRIVIAL_BASELINE = "baseline_constant"
