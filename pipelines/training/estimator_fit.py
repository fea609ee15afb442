"""One fit of an estimator, a classical model or an ensemble with one: no epochs, so nothing to
resume within it."""

import json
import time
from dataclasses import asdict
from pathlib import Path

import models
from pipelines.config import schema, search_path
from pipelines.runtime import timing
from pipelines.spec import DataSpec
from pipelines.storage import arrays, trials
from pipelines.storage.trials import Trial
from pipelines.training.monitor import Monitor
from pipelines.training.progress import Progress, duration


def backend(experiment: schema.Experiment) -> str:
    """What the numbers are computed with: of a classical model, not Keras's backend."""
    if search_path.is_classical(experiment.module):
        return "numpy"
    import keras  # which no classical model needs: ten seconds

    return keras.config.backend()


def digest(trained: Path) -> str:
    """sha256 of the estimator in a trial's folder."""
    return arrays.digest(trained / trials.ESTIMATOR)


def fit(
    trial: Trial, experiment: schema.Experiment, spec: DataSpec, prepared: Path, folder: Path,
    run, progress: Progress,
) -> None:  # fmt: skip
    """One fit: writes estimator/, best_epoch.json and decision.json to `folder`.

    best_epoch.json has the score by which validation selected; of several trials the best one by
    that score is exported.
    """
    train, val = (trial.load(prepared, split) for split in ("train", "val"))
    estimator = models.build(spec, experiment.module, **experiment.build)
    started = time.perf_counter()
    with timing.part("fit"):
        estimator.fit(train, val, trial.seed)
    seconds, selection = time.perf_counter() - started, estimator.selection
    with timing.part("write"):
        save(estimator, experiment, folder / trials.ESTIMATOR)
        estimator.decision.save(folder / "decision.json")
        score = {selection.metric: float(selection.value)}
        monitor = asdict(Monitor(selection.metric, selection.mode))
        trials.write_json(folder / trials.BEST_EPOCH, {**score, "monitor": monitor})
        run.metrics(score)
        run.tag(
            {
                "parameters": str(estimator.parameters),
                "fit_seconds": f"{seconds:.1f}",
                "selection": selection.settings,
            }
        )
    print(f"{progress.name}: {selection.settings}; {duration(seconds)}", flush=True)


def save(estimator, experiment: schema.Experiment, folder: Path) -> None:
    """The estimator's own files, and how to build the estimator that restores itself from them."""
    folder.mkdir()
    estimator.save(folder)
    description = {"module": experiment.module, "build": experiment.build}
    (folder / trials.DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n", "utf-8")
