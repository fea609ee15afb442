"""What the results tables, DVC and MLflow show first of this task."""

REPORTED_METRICS = ("bleu", "bleu_tokenised", "chrf", "exact_match")
TRIVIAL_BASELINE = "baseline_copy"
