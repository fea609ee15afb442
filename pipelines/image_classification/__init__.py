"""Pictures to classes: handwritten digits, flowers, ants or bees."""

HEADLINE = ("accuracy", "log_loss")  # the metrics of the results table
PRIMARY, BETTER = "accuracy", "higher"  # what champions are chosen by
STRONG = "baseline_hog_svm"  # what a model must beat to be worth its trouble
