"""What the results tables show of this task; no stage reads it."""

REPORTED_METRICS = ("bleu", "bleu_tokenised", "chrf", "exact_match")
TRIVIAL_BASELINE = "baseline_copy"
