"""An experiment with the files and settings to score it, in `evaluate` and in `verify`."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from pipelines.config import errors, loader, schema, search_path
from pipelines.evaluation import baseline_files, load_estimator
from pipelines.spec import DataSpec
from pipelines.storage import trials

UNSEEN_SUBSET = "test_unseen"  # test rows that are not also in train, where a protocol has both


@dataclass(frozen=True)
class Evaluation:
    """One experiment. prepared, trained: the folders of its data and of its models."""

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

    @property
    def baselines(self) -> Path:
        """The folder of the data set's baselines."""
        return baseline_files.predictions(self.task, self.prepared.name)

    @property
    def is_classical(self) -> bool:
        return search_path.is_classical(self.params.experiments[self.key].module)

    @property
    def is_estimator(self) -> bool:
        """A classical model, or an ensemble with one: without epochs."""
        return search_path.is_estimator(self.params.experiments[self.key].module)

    def estimator(self, trial: trials.Trial):
        """The fitted `models.classical.Estimator` of a trial."""
        return load_estimator.load(self.trained / trial.name, self.record(), self.spec)

    @property
    def dataset(self) -> str:
        """The key of the data set; not that of a warm start."""
        return self.params.dataset_of(self.key)

    def record(self) -> dict:
        """The run of the trained model."""
        path = errors.existing(
            self.trained / "run.json", "run `dvc repro`, whose stage train writes it"
        )
        return json.loads(path.read_text("utf-8"))

    def scores(self, trial: trials.Trial) -> Path:
        """The file with a trial's point estimates, written by evaluate."""
        return Path("data/metrics") / self.key / "scores" / trial.name / "scores.json"

    @property
    def metrics(self) -> dict[str, float]:
        """All scores of the experiment, with intervals, written by evaluate."""
        path = Path("data/metrics") / f"{self.key}.json"
        return json.loads(path.read_text("utf-8"))

    def trials(self) -> list[trials.Trial]:
        return trials.of(self.spec, self.params.seeds(self.key))

    def measure(
        self, task: ModuleType, outputs, test: dict, repeat: int, resamples: int = 1000
    ) -> dict[str, dict[str, np.ndarray]]:
        """{"test": {metric: values over weightings}}, and those of the unseen subset, if any.

        Args:
            task: a task's `score` or `serve` module; both have `weights` (how rows are resampled)
                and `score`.
            outputs: of the test rows.
            test: the columns of the test split.
            repeat: whose split it is; resamples differ between repeats and are the same within one.
            resamples: of the bootstrap.
        """
        rows = len(test[self.spec.target.name])
        weights = task.weights(rows, resamples, seed=[self.params.seed, repeat], spec=self.spec)
        measured = {"test": task.score(outputs, test, self.spec, weights)}
        seen = test.get("seen")
        if seen is not None and seen.any():
            unseen = weights * ~np.asarray(seen)
            measured[UNSEEN_SUBSET] = task.score(outputs, test, self.spec, unseen)
        return measured
