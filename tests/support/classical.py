"""Classical models in tests: fitted as `train` does it, without MLflow."""

import json
from pathlib import Path

from pipelines.evaluation.context import Evaluation
from pipelines.training import estimator_fit
from pipelines.training.progress import Progress


class Untracked:
    """A run that records nothing."""

    def metrics(self, values, step=None):
        pass

    def tag(self, tags):
        pass


def fit_classical(params_file: Path, key: str) -> Evaluation:
    """Writes data/trained/<key> with every trial of a classical experiment."""
    stage = Evaluation.of(params_file, key)
    experiment = stage.params.experiments[key]
    digests = {}
    for trial in stage.trials():
        folder = stage.trained / trial.name
        folder.mkdir(parents=True)
        progress = Progress(key, 0, folder / "checkpoint.npz")
        estimator_fit.fit(
            trial, experiment, stage.spec, stage.prepared, folder, Untracked(), progress
        )
        digests[trial.name] = estimator_fit.digest(folder)
    record = {"run_id": "run-1", "models": digests}
    (stage.trained / "run.json").write_text(json.dumps(record))
    return stage
