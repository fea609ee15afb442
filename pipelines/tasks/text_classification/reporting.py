"""What the results tables show of this task; no stage reads it."""

REPORTED_METRICS = ("accuracy", "mcc")
TRIVIAL_BASELINE = "baseline_majority"
