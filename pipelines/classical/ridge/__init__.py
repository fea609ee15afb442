"""Ridge regression from a window's history to its future, computed from moments of the windows.

The fit, its error on other windows and the fit on several splits together all follow from the same
few matrices X'X, X'Y and Y'Y, which are accumulated in one pass (moments.py). One
eigendecomposition of X'X gives the solutions of all penalties, with their errors (path.py). The
hyperparameters of each column are selected by rolling-origin validation (rolling_origin.py). Time
and memory of the selection therefore do not grow with the number of windows.

Shapes: n windows, h steps of history, f steps of the future, c columns, g groups of columns that
share one linear map, p penalties.

References: Hoerl and Kennard, "Ridge Regression", Technometrics 1970,
https://doi.org/10.2307/1267351; Toner and Darlow, "An Analysis of Linear Time Series Forecasting
Models", ICML 2024, https://arxiv.org/abs/2403.14587, for how strong it is; Aitken 1936 for weighted
least squares; Tashman, "Out-of-sample tests of forecasting accuracy", 2000,
https://doi.org/10.1016/S0169-2070(00)00065-0, for rolling origins.
"""
