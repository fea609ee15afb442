"""What the results tables, DVC and MLflow show first of this task."""

REPORTED_METRICS = ("mase", "mae_*")  # * is the unit of the data
TRIVIAL_BASELINE = "baseline_persistence"
