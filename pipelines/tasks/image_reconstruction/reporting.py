"""What the results tables, DVC and MLflow show first of this task."""

REPORTED_METRICS = ("mse", "explained_variance", "nearest_neighbour_accuracy")
TRIVIAL_BASELINE = "baseline_mean"
