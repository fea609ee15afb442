"""Ridge regression from a window's past to its future, from sums over windows alone.

What is fitted, what other windows say of it and what several parts together would give: all of it
follows from the same few matrices, made in one pass (moments.py). One eigendecomposition of them
gives the maps of every penalty, with their losses (path.py). Rolling origins decide how each column
is fitted (rolling_origin.py). So time and memory for choosing do not grow with the number of
windows. Shapes: n windows, h steps of history, f steps of the future, c columns, g groups of
columns with one map each, p penalties.

References: Hoerl and Kennard 1970; Toner and Darlow, "An Analysis of Linear Time Series Forecasting
Models", ICML 2024, for how far it goes; Aitken 1936 for weighted least squares; Tashman 2000 for
rolling origins.
"""
