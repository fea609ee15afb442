"""Texts to classes: spam or ham, positive or negative, topics."""

HEADLINE = ("accuracy", "mcc")  # the metrics of the results table
PRIMARY, BETTER = "mcc", "higher"  # what champions are chosen by
STRONG = "baseline_linear_ngrams"  # what a model must beat to be worth its trouble
