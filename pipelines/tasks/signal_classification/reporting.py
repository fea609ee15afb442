"""What the results tables, DVC and MLflow show first of this task."""

REPORTED_METRICS = ("accuracy", "macro_f1", "recording_accuracy", "worst_group_accuracy")
TRIVIAL_BASELINE = "baseline_majority"
