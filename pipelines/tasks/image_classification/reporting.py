"""What the results tables show of this task; no stage reads it."""

REPORTED_METRICS = ("accuracy", "log_loss")
TRIVIAL_BASELINE = "baseline_majority"
