"""Texts to classes: spam or ham, positive or negative, topics."""

HEADLINE = ("accuracy", "mcc")  # the metrics of the results table
PRIMARY = "mcc"  # what champions are chosen by: the higher the better
STRONG = "baseline_tfidf_svm"  # what a model must beat to be worth its trouble
