"""An experiment and what it takes to score it: in `evaluate` and, once exported, in `verify`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines import config, replicates
from pipelines.scoring import bootstrap
from pipelines.spec import DataSpec

SUBSET = "test_unseen"  # test rows that do not also stand in train, where a protocol has both


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

    def replicates(self) -> list[replicates.Replicate]:
        return replicates.of(self.spec, self.params.seeds(self.key))

    def measure(
        self, score: Callable, outputs, test: dict, split: int, resamples: int = 1000
    ) -> dict[str, dict[str, np.ndarray]]:
        """{"test": {metric: values over weightings}}, and the unseen rows' where there are seen."""
        rows = len(test[self.spec.target])
        weights = bootstrap.weights(rows, resamples, seed=[self.params.seed, split])
        measured = {"test": score(outputs, test, self.spec, weights)}
        seen = test.get("seen")
        if seen is not None and seen.any():
            unseen = weights * ~np.asarray(seen)
            measured[SUBSET] = score(outputs, test, self.spec, unseen)
        return measured
