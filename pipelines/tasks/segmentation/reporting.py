"""What the results tables show of this task; no stage reads it but `evaluate`."""

REPORTED_METRICS = ("mean_iou", "mean_dice", "boundary_f1", "v_rand")
TRIVIAL_BASELINE = "baseline_threshold"
