"""Stage 2: prepared arrays become a fitted model. Opens train and val, never test.

Imports keras and not tensorflow, so that it runs on every Keras backend (KERAS_BACKEND); for a
classical model not even keras.
"""

import functools
import shutil
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

from pipelines import tracking
from pipelines.config import loader, schema, search_path
from pipelines.runtime import hardware
from pipelines.spec import DataSpec
from pipelines.storage import atomic, trials
from pipelines.training import run_identity
from pipelines.training.progress import Progress
from pipelines.training.training_state import TrainingState


def run(params_file: Path, key: str) -> None:
    params, experiment = loader.experiment(params_file, key)
    fitting = fitting_of(experiment)
    backend = fitting.backend(experiment)
    prepared = Path("data/prepared") / experiment.dataset
    spec = DataSpec.load(prepared / "spec.json")
    fits = trials.of(spec, params.seeds(key))
    description = describe(key, params, spec, backend)
    content = tracking.identity_tags(description["identity"])["identity"]
    start = functools.partial(tracking.start, experiment.task, **description)
    with (
        TrainingState.open(key, f"{content[:16]}-{backend}") as state,
        state.run(start, key) as main,
    ):
        main.data_report(prepared)
        for remaining, trial in zip(reversed(range(len(fits))), fits, strict=True):
            name = key if len(fits) == 1 else f"{key}/{trial.name}"
            progress = Progress(name, remaining, state.checkpoint(trial.name))
            fitted = state.trial(trial.name)
            if fitted.is_dir():
                print(f"{name}: fitted before")
            elif len(fits) == 1:
                with atomic.folder(fitted) as folder:
                    fitting.fit(trial, experiment, spec, prepared, folder, main, progress)
                    main.trained(folder, trial.name)
            else:
                child_of = {"params": asdict(trial), "parent": main.id}
                with (
                    atomic.folder(fitted) as folder,
                    state.run(start, name, **child_of) as child,
                ):
                    fitting.fit(trial, experiment, spec, prepared, folder, child, progress)
                    child.trained(folder, trial.name)
                    trials.write_json(folder / "run.json", child.record())
        with atomic.folder(Path("data/trained") / key) as out:
            for trial in fits:
                shutil.copytree(state.trial(trial.name), out / trial.name)
            digests = {trial.name: fitting.digest(out / trial.name) for trial in fits}
            trials.write_json(out / "run.json", {**main.record(), "models": digests})


def fitting_of(experiment: schema.Experiment) -> ModuleType:
    """The module that fits it: `network_fit` or `estimator_fit`, which have the same functions."""
    if search_path.is_estimator(experiment.module):
        from pipelines.training import estimator_fit

        return estimator_fit
    from pipelines.training import network_fit  # imports Keras: ten seconds

    return network_fit


def describe(key: str, params: schema.Params, spec: DataSpec, backend: str) -> dict:
    """The identity of the run (code, data, params), and what MLflow shows of them."""
    experiment = params.experiments[key]
    dataset = params.datasets[params.dataset_of(key)]
    without = {"seeds"} | ({"fit", "loss", "decide"} if experiment.fit is None else set())
    values = {
        **run_identity.flat(experiment.model_dump(exclude=without)),
        "seeds": params.seeds(key),
        **run_identity.flat({"data": dataset.model_dump()}),
    }
    code = run_identity.code_digest(run_identity.train_files(experiment.task, experiment.module))
    return {
        "identity": {"code": code, "data": spec.digests, "params": values},
        "params": values,
        "tags": {"backend": backend, "machine": hardware.description()},
        "dataset": {
            "name": params.dataset_of(key),
            "digest": run_identity.data_digest(spec.digests),
            "source": dataset.source,
        },
    }
