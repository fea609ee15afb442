"""What a task must provide, and what it is judged by: `TaskInfo`.

A task is a folder of modules, pipelines/tasks/<task>/, each with one reader:

    info.py       INFO, a `TaskInfo`        promotion, results
    reporting.py  REPORTED_METRICS          evaluate (what MLflow and DVC show), results
    objective.py  `Objective`               train
    score.py      `Score`                   evaluate
    baselines.py  `Baselines`               baselines
    figures.py    `draw`                    evaluate
    serve.py      `Serve`                   export, verify
    example.py    `Example`                 tests: a tiny spec and rows that fit it

They are modules, not classes; protocols.py describes what each must have.
"""

import fnmatch
from dataclasses import dataclass


@dataclass(frozen=True)
class TaskInfo:
    """What a task is judged by.

    Args:
        title: the task in a few words, for people: "Text classification".
        primary_metric: the metric of the test split that champions are chosen by, without "test/".
        lower_is_better: patterns (fnmatch) of the metrics of which a lower value is better.
        strong_baseline: the baseline that differences are computed from: "baseline_best".
        trivial_baselines: patterns (fnmatch) of the baselines that learn nothing, or next to it.
        training_loss: the metric that the loss of training is, if it is one: the trivial baselines'
            is then a line in the training curves.
    """

    title: str
    primary_metric: str
    lower_is_better: tuple[str, ...] = ()
    strong_baseline: str = "baseline_best"
    trivial_baselines: tuple[str, ...] = ()
    training_loss: str | None = None

    def is_trivial(self, baseline: str) -> bool:
        """Whether it is one that any model must beat: "baseline_majority"."""
        return any(fnmatch.fnmatch(baseline, pattern) for pattern in self.trivial_baselines)

    def direction(self, metric: str) -> str:
        """Which values of the metric are better: "lower" or "higher"."""
        lower = any(fnmatch.fnmatch(metric, pattern) for pattern in self.lower_is_better)
        return "lower" if lower else "higher"
