"""What the results tables show of this task; no stage reads it."""

REPORTED_METRICS = (
    "wordsim353_spearman",
    "simlex999_spearman",
    "semantic_add_accuracy",
    "syntactic_add_accuracy",
)
TRIVIAL_BASELINE = "baseline_frequency"
