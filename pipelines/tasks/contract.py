"""What a task says of its metrics: which are told, and of which less is better."""

import fnmatch
from collections.abc import Iterable

from pipelines.config import loader

MOST_OF_A_KIND = 3  # metrics in a results table: seven columns' errors would hide the others


def headline(task: str, metrics: Iterable[str]) -> list[str]:
    """The metrics by which the task's results are told, of those that there are.

    metrics: names such as test/mae_degC. A pattern such as mae_* leaves the unit to the data; where
    many columns have each their own, they stay in the metrics file.
    """
    names = [name.removeprefix("test/") for name in metrics if name.startswith("test/")]
    points = [name for name in names if not name.endswith(("_low", "_high", "_sd"))]
    found = [fnmatch.filter(points, pattern) for pattern in loader.task(task).HEADLINE]
    return [name for names in found if len(names) <= MOST_OF_A_KIND for name in names]


def better(task: str, metric: str) -> str:
    """What of the metric is better: "lower" or "higher"."""
    patterns = loader.task(task).LOWER
    return "lower" if any(fnmatch.fnmatch(metric, each) for each in patterns) else "higher"
