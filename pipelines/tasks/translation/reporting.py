"""Which of the metrics are told, and how they are judged."""

HEADLINE = ("bleu", "bleu_tokenised", "chrf", "exact_match")  # the metrics of the results table
PRIMARY = "bleu"  # what champions are chosen by
LOWER = ()  # metrics of which less is better
STRONG = "baseline_memory"  # what a model must beat to be worth its trouble
