"""Figures of forecasts, each with its numbers in plots/*.csv."""

from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from pipelines.classical.naive_forecasts import persistence, seasonal_naive
from pipelines.figures import style
from pipelines.spec import DataSpec
from pipelines.storage import trials
from pipelines.tasks.forecasting import input_gradients
from pipelines.tasks.forecasting.metrics import Outputs, intervals

ORIGINS = 4  # forecasts drawn
WORST = 20
STEPS = {
    "min": "minutes", "h": "hours", "D": "days", "W": "weeks", "MS": "months", "QS": "quarters",
    "YS": "years", "step": "steps",
}  # fmt: skip


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Forecasts with the observations, error by step, worst windows; gradients through time."""
    draw_estimator(outputs, test, spec, decision, folder, model)
    norms = input_gradients.through_time(model, trials.inputs(test, spec))
    gradients({model.name: norms}, spec, folder)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """The same without gradients, which only networks have."""
    forecasts(outputs, test, spec, folder)
    errors_by_step(outputs, test, spec, folder, naive_forecasts(test, spec))
    worst_windows(outputs, test, spec, folder)


def naive_forecasts(test: dict, spec: DataSpec) -> dict[str, np.ndarray]:
    """Forecasts for comparison that are functions of the window alone."""
    history, horizon = np.asarray(test["history"]), spec.task_metadata["horizon_steps"]
    named = {"last value": persistence(history, horizon)}
    if spec.task_metadata["season_steps"] > 1:
        season = spec.task_metadata["season_steps"]
        named["one season ago"] = seasonal_naive(history, horizon, season)
    return named


def forecasts(outputs: Outputs, test: dict, spec: DataSpec, folder: Path) -> None:
    """Recent history, observations and forecast of the first column, for four windows.

    Their errors are the 10th, 50th, 75th and 95th percentile of the test windows.
    """
    history, future = np.asarray(test["history"]), np.asarray(test["future"])
    error = window_errors(outputs, future, spec)
    ranks = np.argsort(error, kind="stable")
    percents = (10, 50, 75, 95)
    rows = [int(ranks[round(percent / 100 * (len(ranks) - 1))]) for percent in percents]
    column, unit = spec.task_metadata["columns"][0], spec.task_metadata["units"][0]
    horizon = future.shape[1]
    shown = min(history.shape[1], max(2 * horizon, spec.task_metadata["season_steps"]))

    def paint(figure):
        panels = figure.subplots(2, 2).ravel()
        for axes, row, percent in zip(panels, rows, percents, strict=True):
            _one_forecast(axes, outputs, history, future, row, shown, spec)
            axes.set_title(
                f"from {test['first'][row]}: error at the {percent}th percentile",
                fontweight="normal",
            )
            axes.set(xlabel=f"{steps_name(spec)} from the origin", ylabel=f"{column}, {unit}")
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names))
        figure.suptitle(f"Forecasts of {column}, {horizon} {steps_name(spec)} ahead")

    style.draw(folder / "figures/forecasts.png", (10.5, 6.6), paint)
    table = [
        (test["first"][row], step + 1, name, *values)
        for row in rows
        for step in range(horizon)
        for index, name in enumerate(spec.task_metadata["columns"])
        for values in [_values(outputs, future, row, step, index)]
    ]
    levels = [f"quantile_{level:g}" for level in spec.task_metadata["quantiles"]]
    columns = ("first", "step", "column", "actual", "forecast", *levels)
    style.write_csv(folder / "plots/forecasts.csv", columns, table)


def _values(outputs: Outputs, future, row: int, step: int, column: int) -> list[float]:
    index = (row, step, column)
    quantiles = [] if outputs.quantiles is None else outputs.quantiles[index].tolist()
    return [float(future[index]), float(outputs.forecast[index]), *quantiles]


def _one_forecast(axes, outputs, history, future, row, shown, spec) -> None:
    past = np.arange(-shown + 1, 1)
    ahead = np.arange(1, future.shape[1] + 1)
    last = history[row, -1:, 0]
    if outputs.quantiles is not None:
        pairs = intervals(spec.task_metadata["quantiles"])
        for number, (low, high, percent) in enumerate(pairs, 1):
            between = outputs.quantiles[row, :, 0, [low, high]]
            axes.fill_between(
                ahead, *between, color=style.BLUE, alpha=0.15 * number, lw=0,
                label=f"{percent:g} % interval",
            )  # fmt: skip
    axes.plot(past, history[row, -shown:, 0], color=style.GREY, lw=1.4, label="history")
    truth = np.concatenate([last, future[row, :, 0]])
    axes.plot([0, *ahead], truth, color="black", lw=1.4, label="observed")
    axes.plot(ahead, outputs.forecast[row, :, 0], color=style.BLUE, label="forecast")
    axes.axvline(0.5, color=style.GREY, lw=0.8, ls=":")


def errors_by_step(
    outputs: Outputs, test: dict, spec: DataSpec, folder: Path, references: dict[str, np.ndarray]
) -> None:
    """Mean absolute error by step ahead, mean over columns; references: name -> forecasts."""
    future, facts = np.asarray(test["future"], np.float64), spec.task_metadata
    one_unit = len(set(facts["units"])) == 1
    scale = np.ones(len(facts["units"])) if one_unit else np.array(facts["std"])
    unit = facts["units"][0] if one_unit else "standard deviations of train"
    named = {"model": outputs.forecast, **references}
    curves = {
        name: np.abs((forecast - future) / scale).mean(axis=(0, 2))
        for name, forecast in named.items()
    }
    steps = np.arange(1, future.shape[1] + 1)

    def paint(figure):
        axes = figure.subplots()
        colours = (style.BLUE, style.ORANGE, style.GREEN)
        for (name, curve), colour in zip(curves.items(), colours, strict=False):
            axes.plot(steps, curve, color=colour, label=f"{name}: {curve.mean():.3g} on average")
        axes.set(xlabel=f"{steps_name(spec)} ahead", ylabel=f"mean absolute error, {unit}")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title("Error by step ahead")
        axes.legend(loc="best")

    style.draw(folder / "figures/errors_by_step.png", (6.4, 4.4), paint)
    table = np.column_stack([steps, *curves.values()]).tolist()
    columns = ("step", *(name.replace(" ", "_") for name in curves))
    style.write_csv(folder / "plots/errors_by_step.csv", columns, table)


def gradients(norms: dict[str, np.ndarray], spec: DataSpec, folder: Path) -> None:
    """Norm of the gradient by the age of an observation; see `input_gradients`."""
    back = np.arange(len(next(iter(norms.values()))), 0, -1)

    def paint(figure):
        axes = figure.subplots()
        colours = (style.BLUE, style.ORANGE, style.GREEN, style.GREY)
        for (name, values), colour in zip(norms.items(), colours, strict=False):
            drawn = np.where(values > 0, values, np.nan)
            axes.plot(back, drawn, color=colour, label=name.replace("_", " "))
        axes.set(yscale="log", xlim=(back[0], 1))
        style.plain_numbers(axes.yaxis)
        axes.set_xlabel(f"{steps_name(spec)} before the forecast")
        axes.set_ylabel("|d forecast / d history|")
        axes.set_title("Gradient of the forecast by age of the observation")
        axes.legend(loc="best")

    style.draw(folder / "figures/gradients.png", (6.8, 4.4), paint)
    table = np.column_stack([back, *norms.values()]).tolist()
    style.write_csv(folder / "plots/gradients.csv", ("steps_back", *norms), table)


def worst_windows(outputs: Outputs, test: dict, spec: DataSpec, folder: Path) -> None:
    """mistakes.csv: the windows with the largest errors, worst first; errors as in mase."""
    future = np.asarray(test["future"])
    error = window_errors(outputs, future, spec)
    worst = np.argsort(-error, kind="stable")[:WORST]
    largest = np.abs(outputs.forecast - future).max(axis=1)
    names = [
        f"largest_error_{column}_{unit}"
        for column, unit in zip(
            spec.task_metadata["columns"], spec.task_metadata["units"], strict=True
        )
    ]
    rows = [
        (int(row), test["first"][int(row)], round(float(error[row]), 4), *largest[row].tolist())
        for row in worst
    ]
    style.write_csv(folder / "mistakes.csv", ("row", "first", "mase", *names), rows)


def steps_name(spec: DataSpec) -> str:
    """The frequency in words: weeks for W-SAT, steps of 15min where there is no word."""
    frequency = spec.task_metadata["frequency"]
    return STEPS.get(frequency.split("-")[0], f"steps of {frequency}")


def window_errors(outputs: Outputs, future: np.ndarray, spec: DataSpec) -> np.ndarray:
    """(n,) mean absolute error of each window, columns divided by `mase_scale`."""
    error = np.abs(outputs.forecast - future.astype(np.float64)) / spec.task_metadata["mase_scale"]
    return error.mean(axis=(1, 2))
