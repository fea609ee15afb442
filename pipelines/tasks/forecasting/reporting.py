"""Which of the metrics are told, and how they are judged."""

HEADLINE = ("mase", "mae_*")  # the metrics of the results table, with whatever unit
PRIMARY = "mase"  # what champions are chosen by
LOWER = ("mase", "mae_*", "rmse_*", "scaled_*")  # metrics of which less is better
STRONG = "baseline_best"  # the classical method that was best on validation
