"""What the results tables, DVC and MLflow show first of this task."""

REPORTED_METRICS = ("accuracy", "log_loss")
TRIVIAL_BASELINE = "baseline_majority"
