"""What the results tables, DVC and MLflow show first of this task."""

REPORTED_METRICS = ("pr_auc", "event_recall_at_1_per_1000", "f1", "nab_standard")
TRIVIAL_BASELINE = "baseline_always"
