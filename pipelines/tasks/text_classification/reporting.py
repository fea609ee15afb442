"""What the results tables, DVC and MLflow show first of this task."""

REPORTED_METRICS = ("accuracy", "mcc")
TRIVIAL_BASELINE = "baseline_majority"
