"""Which of the metrics are told, and how they are judged."""

HEADLINE = ("accuracy", "mcc")  # the metrics of the results table
PRIMARY = "mcc"  # what champions are chosen by
LOWER = ("log_loss", "blocked_percent")  # metrics of which less is better
STRONG = "baseline_best"  # the linear machine that was best where machines are chosen
