"""What the results tables, DVC and MLflow show first of this task."""

REPORTED_METRICS = ("accuracy", "consistency")
TRIVIAL_BASELINE = "baseline_majority"
