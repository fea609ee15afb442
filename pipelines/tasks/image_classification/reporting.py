"""Which of the metrics are told, and how they are judged."""

HEADLINE = ("accuracy", "log_loss")  # the metrics of the results table
PRIMARY = "accuracy"  # what champions are chosen by
LOWER = ("log_loss", "blocked_percent")  # metrics of which less is better
STRONG = "baseline_hog_svm"  # what a model must beat to be worth its trouble
