"""What the results tables show of this task; no stage reads it."""

REPORTED_METRICS = ("perplexity", "bits_per_character", "nats_per_token")
TRIVIAL_BASELINE = "baseline_unigram"
