"""Statistics of the train split of a series, which models and metrics divide by."""

import numpy as np

from pipelines.config.errors import UserError
from pipelines.preparation.time_grid import Observations

KNOWN = "known_covariates"  # the array (windows, history + horizon, k), as the option
MIN_RELATIVE_STD = 1e-4  # of the mean; below that, float32 loses the third digit of a change
MIN_STD = 1e-6


def of_values(data: Observations, train: np.ndarray, season: int) -> dict[str, list[float]]:
    """Mean and standard deviation of each column, and the error that MASE divides by."""
    means, stds = moments(data, train, "values")
    return {"mean": means, "std": stds, "mase_scale": naive_error(train, season)}


def of_covariates(covariates: Observations, train: np.ndarray) -> dict[str, list]:
    """Names, means and standard deviations."""
    means, stds = moments(covariates, train, KNOWN)
    return {KNOWN: list(covariates.units), "covariate_mean": means, "covariate_std": stds}


def moments(data: Observations, train: np.ndarray, option: str) -> tuple[list, list]:
    """(means, standard deviations) of the columns that an option names.

    Raises:
        UserError: a column that is constant, or nearly, in train.
    """
    means, stds = train.mean(axis=0), train.std(axis=0)
    for name, values, mean, std in zip(data.units, train.T, means, stds, strict=True):
        if np.ptp(values) == 0:
            raise UserError(
                "column-constant",
                f"column {name!r} is constant in the train split; remove it from `{option}`",
                path=data.source, key=option, value=name,
            )  # fmt: skip
        if std < MIN_RELATIVE_STD * abs(mean) or std < MIN_STD:
            raise UserError(
                "column-precision",
                f"column {name!r} has standard deviation {std:g} around {mean:g}, too small for "
                "32-bit numbers; subtract an offset or use a smaller unit",
                path=data.source, key=option, value=name,
            )  # fmt: skip
    return means.tolist(), stds.tolist()


def naive_error(train: np.ndarray, season: int) -> list[float]:
    """Mean absolute change over one season, by column (Hyndman and Koehler 2006); over one step
    where that is zero or train is no longer than a season."""
    steps = np.abs(np.diff(train, axis=0)).mean(axis=0)
    if len(train) <= season:
        return steps.tolist()
    seasons = np.abs(train[season:] - train[:-season]).mean(axis=0)
    return np.where(seasons > 0, seasons, steps).tolist()
