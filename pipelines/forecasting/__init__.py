"""Readings in time to their future: CO2 in the air, temperatures, loads, sales."""

HEADLINE = ("mase", "mae_*")  # the metrics of the results table, with whatever unit
PRIMARY = "mase"  # what champions are chosen by
LOWER = ("mase", "mae_*", "rmse_*", "scaled_*")  # metrics of which less is better
STRONG = "baseline_best"  # the classical method that was best on validation
