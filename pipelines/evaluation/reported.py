"""Which scores are shown where: all in data/metrics/<experiment>.json, few in MLflow and DVC.

A task's reporting.py names the metrics of the results table; they come first everywhere.
"""

import fnmatch
from collections.abc import Iterable, Mapping

from pipelines.config import loader

MAX_COLUMNS_PER_METRIC = 3  # of forecasts: seven columns' errors would hide the other metrics
MAX_TRACKED = 30  # the columns that MLflow's page offers; training adds ten curves at most


def reported_metrics(task: str, metrics: Iterable[str]) -> list[str]:
    """The metrics of the task's results table, of those that exist.

    Args:
        task: its module `reporting` has names and patterns. A pattern such as mae_* leaves the unit
            to the data; where many columns have a unit each, they are in the metrics file alone.
        metrics: names such as test/mae_degC.
    """
    names = [name.removeprefix("test/") for name in metrics if name.startswith("test/")]
    points = [name for name in names if not is_bound(name)]
    patterns = loader.task_module(task, "reporting").REPORTED_METRICS
    matches = [fnmatch.filter(points, pattern) for pattern in patterns]
    return [name for names in matches if len(names) <= MAX_COLUMNS_PER_METRIC for name in names]


def headline(task: str, values: Mapping[str, float]) -> dict[str, float]:
    """The scores that `dvc metrics diff` shows: those of the results table, of the test split."""
    names = (f"test/{metric}" for metric in reported_metrics(task, values))
    return {name: values[name] for name in names}


def tracked(task: str, values: Mapping[str, float]) -> dict[str, float]:
    """The scores that MLflow shows as metrics of a run, MAX_TRACKED at most.

    First the headline with its interval, the baselines and the difference; then the other scores of
    the test split without their intervals.

    Args:
        values: `group/metric` -> score, as in the metrics file of an experiment or of a trial.
    """
    reporting = loader.task_module(task, "reporting")
    strong = loader.task_info(task).strong_baseline
    reported = reported_metrics(task, values)
    patterns = (
        "test/{}", f"{strong}/{{}}", "difference/{}", "test_unseen/{}", "test/{}_sd",
        "test/{}_low", "test/{}_high", "difference/{}_low", "difference/{}_high",
        f"{reporting.TRIVIAL_BASELINE}/{{}}",
    )  # fmt: skip
    names = [pattern.format(metric) for pattern in patterns for metric in reported]
    groups = ("test/", "training/")
    names += [name for name in values if name.startswith(groups) and not is_bound(name)]
    present = [name for name in dict.fromkeys(names) if name in values]
    return {name: values[name] for name in present[:MAX_TRACKED]}


def is_bound(name: str) -> bool:
    """Whether it is the end of an interval or a spread, not a score."""
    return name.endswith(("_low", "_high", "_sd"))
