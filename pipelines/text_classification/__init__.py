"""Texts to classes: spam or ham, positive or negative, topics."""

HEADLINE = ("accuracy", "mcc")  # the metrics of the results table
PRIMARY, BETTER = "mcc", "higher"  # what champions are chosen by
STRONG = "baseline_best"  # the linear machine that was best where machines are chosen
