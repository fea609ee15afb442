"""What a task must provide, and what it is judged by: `TaskInfo`.

A task is a folder of modules, pipelines/tasks/<task>/, each with one reader:

    info.py       INFO, a `TaskInfo`        promotion, results
    reporting.py  REPORTED_METRICS          the results table alone
    objective.py  `Objective`               train
    score.py      `Score`                   evaluate
    baselines.py  `Baselines`               the baselines of a data set
    serve.py      `Serve`                   export, verify
    example.py    `Example`                 tests: a tiny spec and rows that fit it

They are modules, not classes; protocols.py describes what each must have.
"""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.config import loader

MAX_COLUMNS_PER_METRIC = 3  # in a results table: seven columns' errors would hide the others


@dataclass(frozen=True)
class TaskInfo:
    """What a task is judged by.

    Args:
        title: the task in a few words, for people: "Text classification".
        primary_metric: the metric of the test split that champions are chosen by, without "test/".
        lower_is_better: patterns (fnmatch) of the metrics of which a lower value is better.
        strong_baseline: the baseline that differences are computed from: "baseline_best".
    """

    title: str
    primary_metric: str
    lower_is_better: tuple[str, ...] = ()
    strong_baseline: str = "baseline_best"

    def direction(self, metric: str) -> str:
        """Which values of the metric are better: "lower" or "higher"."""
        lower = any(fnmatch.fnmatch(metric, pattern) for pattern in self.lower_is_better)
        return "lower" if lower else "higher"


def headline(task: str, metrics: Iterable[str]) -> list[str]:
    """The metrics by which the task's results are told, of those that there are.

    metrics: names such as test/mae_degC. A pattern such as mae_* leaves the unit to the data; where
    many columns have each their own, they stay in the metrics file.
    """
    names = [name.removeprefix("test/") for name in metrics if name.startswith("test/")]
    points = [name for name in names if not name.endswith(("_low", "_high", "_sd"))]
    matched = [fnmatch.filter(points, pattern) for pattern in loader.task(task).HEADLINE]
    return [name for names in matched if len(names) <= MAX_COLUMNS_PER_METRIC for name in names]


def better(task: str, metric: str) -> str:
    """What of the metric is better: "lower" or "higher"."""
    patterns = loader.task(task).LOWER
    return "lower" if any(fnmatch.fnmatch(metric, pattern) for pattern in patterns) else "higher"
