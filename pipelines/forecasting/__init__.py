"""Readings in time to their future: CO2 in the air, temperatures, loads, sales."""

HEADLINE = ("mase", "scaled_mae", "scaled_mse")  # metrics whose names carry no unit
PRIMARY, BETTER = "mase", "lower"  # what champions are chosen by
STRONG = "baseline_best"  # the classical method that was best on validation
