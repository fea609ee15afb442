"""What the results tables, DVC and MLflow show first of this task."""

REPORTED_METRICS = ("cider_d", "bleu", "facts", "facts_held_out", "exact_match", "distinct")
TRIVIAL_BASELINE = "baseline_single_caption"
