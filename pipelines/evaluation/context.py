"""An experiment and what it takes to score it: in `evaluate` and, once exported, in `verify`."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from pipelines.config import errors, loader, schema
from pipelines.spec import DataSpec
from pipelines.storage import trials

SUBSET = "test_unseen"  # test rows that do not also stand in train, where a protocol has both


@dataclass(frozen=True)
class Evaluation:
    """Everything the stage needs to know about one experiment."""

    params: schema.Params
    key: str
    task: str
    spec: DataSpec
    prepared: Path
    trained: Path

    @classmethod
    def of(cls, params_file: Path, key: str) -> "Evaluation":
        params, experiment = loader.experiment(params_file, key)
        prepared = Path("data/prepared") / experiment.dataset
        spec = DataSpec.load(prepared / "spec.json")
        return cls(params, key, experiment.task, spec, prepared, Path("data/trained") / key)

    def record(self) -> dict:
        """The run of the trained model."""
        path = errors.existing(
            self.trained / "run.json", "run `dvc repro`, whose stage train writes it"
        )
        return json.loads(path.read_text("utf-8"))

    def scores(self, trial: trials.Trial) -> Path:
        """Where evaluate keeps a trial's point estimates."""
        return Path("data/metrics") / self.key / "scores" / trial.name / "scores.json"

    def trials(self) -> list[trials.Trial]:
        return trials.of(self.spec, self.params.seeds(self.key))

    def measure(
        self, task: ModuleType, outputs, test: dict, split: int, resamples: int = 1000
    ) -> dict[str, dict[str, np.ndarray]]:
        """{"test": {metric: values over weightings}}, and the unseen rows' where there are seen.

        task: a task's `score` or `serve`; both have `weights` (how rows are resampled) and `score`.
        """
        rows = len(test[self.spec.target.name])
        weights = task.weights(rows, resamples, seed=[self.params.seed, split], spec=self.spec)
        measured = {"test": task.score(outputs, test, self.spec, weights)}
        seen = test.get("seen")
        if seen is not None and seen.any():
            unseen = weights * ~np.asarray(seen)
            measured[SUBSET] = task.score(outputs, test, self.spec, unseen)
        return measured
