"""What the results tables show of this task; no stage reads it."""

REPORTED_METRICS = ("mase", "mae_*")  # * is the unit of the data
TRIVIAL_BASELINE = "baseline_persistence"
