"""Readings in time to their future: CO2 in the air, temperatures, loads, sales."""

HEADLINE = ("mase", "mae_*")  # the metrics of the results table, with whatever unit
PRIMARY, BETTER = "mase", "lower"  # what champions are chosen by
STRONG = "baseline_best"  # the classical method that was best on validation
