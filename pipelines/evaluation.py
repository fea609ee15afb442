"""An experiment and what it takes to score it: in `evaluate` and, once exported, in `verify`."""

import fnmatch
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from pipelines import checks, config, replicates
from pipelines.spec import DataSpec

MOST_OF_A_KIND = 3  # metrics in a results table: seven columns' errors would hide the others
SUBSET = "test_unseen"  # test rows that do not also stand in train, where a protocol has both


def headline(task: str, metrics: Iterable[str]) -> list[str]:
    """The metrics by which the task's results are told, of those that there are.

    metrics: names such as test/mae_degC. A pattern such as mae_* leaves the unit to the data; where
    many columns have each their own, they stay in the metrics file.
    """
    names = [name.removeprefix("test/") for name in metrics if name.startswith("test/")]
    points = [name for name in names if not name.endswith(("_low", "_high", "_sd"))]
    found = [fnmatch.filter(points, pattern) for pattern in config.task(task).HEADLINE]
    return [name for names in found if len(names) <= MOST_OF_A_KIND for name in names]


def better(task: str, metric: str) -> str:
    """What of the metric is better: "lower" or "higher"."""
    patterns = config.task(task).LOWER
    return "lower" if any(fnmatch.fnmatch(metric, each) for each in patterns) else "higher"


@dataclass(frozen=True)
class Evaluation:
    """Everything the stage needs to know about one experiment."""

    params: config.Params
    key: str
    task: str
    spec: DataSpec
    prepared: Path
    trained: Path

    @classmethod
    def of(cls, params_file: Path, key: str) -> "Evaluation":
        params, experiment = config.experiment(params_file, key)
        prepared = Path("data/prepared") / experiment.dataset
        spec = DataSpec.load(prepared / "spec.json")
        return cls(params, key, experiment.task, spec, prepared, Path("data/trained") / key)

    def record(self) -> dict:
        """The run of the trained model."""
        path = checks.existing(
            self.trained / "run.json", "run `dvc repro`, whose stage train writes it"
        )
        return json.loads(path.read_text("utf-8"))

    def scores(self, replicate: replicates.Replicate) -> Path:
        """Where evaluate keeps a replicate's point estimates."""
        return Path("data/metrics") / self.key / "scores" / replicate.name / "scores.json"

    def replicates(self) -> list[replicates.Replicate]:
        return replicates.of(self.spec, self.params.seeds(self.key))

    def measure(
        self, task: ModuleType, outputs, test: dict, split: int, resamples: int = 1000
    ) -> dict[str, dict[str, np.ndarray]]:
        """{"test": {metric: values over weightings}}, and the unseen rows' where there are seen.

        task: a task's `score` or `serve`; both have `weights` (how rows are resampled) and `score`.
        """
        rows = len(test[self.spec.target])
        weights = task.weights(rows, resamples, seed=[self.params.seed, split], spec=self.spec)
        measured = {"test": task.score(outputs, test, self.spec, weights)}
        seen = test.get("seen")
        if seen is not None and seen.any():
            unseen = weights * ~np.asarray(seen)
            measured[SUBSET] = task.score(outputs, test, self.spec, unseen)
        return measured
