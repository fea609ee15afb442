"""Stage 2: prepared arrays become a fitted model. Opens train and val, never test.

Imports keras and not tensorflow, so that it runs on every Keras backend (KERAS_BACKEND).
"""

import functools
import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import keras

import models
from pipelines import tracking
from pipelines.config import loader, schema
from pipelines.runtime import hardware, timing
from pipelines.spec import DataSpec
from pipelines.storage import atomic, keras_file, trials
from pipelines.storage.trials import Trial
from pipelines.training import batches, optimization, phases, run_identity
from pipelines.training.checkpoints import Checkpoint, SaveCheckpoint, TrainingState
from pipelines.training.epoch_logger import EpochLogger
from pipelines.training.monitor import Monitor


def run(params_file: Path, key: str) -> None:
    params, experiment = loader.experiment(params_file, key)
    optimization.enable_determinism(experiment.fit)
    prepared = Path("data/prepared") / experiment.dataset
    spec = DataSpec.load(prepared / "spec.json")
    fits = trials.of(spec, params.seeds(key))
    description = describe(key, params, spec)
    content = tracking.identity_tags(description["identity"])["identity"]
    start = functools.partial(tracking.start, experiment.task, **description)
    with (
        TrainingState.open(key, f"{content[:16]}-{keras.config.backend()}") as state,
        state.run(start, key) as main,
    ):
        log_data_report(main, prepared)
        for remaining, trial in zip(reversed(range(len(fits))), fits, strict=True):
            name = key if len(fits) == 1 else f"{key}/{trial.name}"
            progress = Progress(name, remaining, state.checkpoint(trial.name))
            fitted = state.trial(trial.name)
            if fitted.is_dir():
                print(f"{name}: fitted before")
            elif len(fits) == 1:
                with atomic.folder(fitted) as folder:
                    fit(trial, experiment, spec, prepared, folder, main, progress)
            else:
                child_of = {"params": asdict(trial), "parent": main.id}
                with (
                    atomic.folder(fitted) as folder,
                    state.run(start, name, **child_of) as child,
                ):
                    fit(trial, experiment, spec, prepared, folder, child, progress)
                    write_json(folder / "run.json", child.record())
        with atomic.folder(Path("data/trained") / key) as out:
            for trial in fits:
                shutil.copytree(state.trial(trial.name), out / trial.name)
            digests = {t.name: keras_file.digest(out / t.name / "model.keras") for t in fits}
            write_json(out / "run.json", {**main.record(), "models": digests})


def describe(key: str, params: schema.Params, spec: DataSpec) -> dict:
    """The identity of the run (code, data, params), and what MLflow shows of them."""
    experiment = params.experiments[key]
    dataset = params.datasets[params.dataset_of(key)]
    values = {
        **run_identity.flat(experiment.model_dump(exclude={"seeds"})),
        "seeds": params.seeds(key),
        **run_identity.flat({"data": dataset.model_dump()}),
    }
    code = run_identity.code_digest(run_identity.train_files(experiment.task, experiment.module))
    return {
        "identity": {"code": code, "data": spec.digests, "params": values},
        "params": values,
        "tags": {"backend": keras.config.backend(), "machine": hardware.description()},
        "dataset": {
            "name": params.dataset_of(key),
            "digest": run_identity.data_digest(spec.digests),
            "source": dataset.source,
        },
    }


def log_data_report(run, prepared: Path) -> None:
    """Stores what `prepare` noticed in the data, where its recipe reports that."""
    for report in sorted(prepared.glob("report.*")):
        run.artifact(report, "data_report")


@dataclass(frozen=True)
class Progress:
    """One fit among the trials of its experiment.

    Args:
        name: for the terminal.
        remaining: the number of trials that follow.
        checkpoint: a file that exists if this fit was interrupted.
    """

    name: str
    remaining: int
    checkpoint: Path


def fit(
    trial: Trial, experiment: schema.Experiment, spec: DataSpec, prepared: Path, folder: Path,
    run, progress: Progress,
) -> None:  # fmt: skip
    """One fit: writes model.keras, history.csv, best_epoch.json and decision.json to `folder`."""
    keras.utils.clear_session()  # layer names count from one again, whatever was built before
    keras.utils.set_random_seed(trial.seed)
    objective = loader.task_module(experiment.task, "objective")
    train, val = (trial.load(prepared, split) for split in ("train", "val"))
    model = models.build(spec, experiment.module, **experiment.build)
    saved, seconds = Checkpoint.load(progress.checkpoint), 0.0
    if hasattr(objective, "fit_closed_form") and not saved.variables:
        started = time.perf_counter()
        objective.fit_closed_form(model, train, val, spec)
        seconds = time.perf_counter() - started
    logger = EpochLogger(
        run, progress.name, progress.remaining, saved.rows, saved.seconds or seconds
    )
    with timing.part("fit"):
        for number, phase in enumerate(phases.phases(model, spec, train, val, experiment.fit)):
            if number >= saved.phase:
                start = saved if saved.is_within(number) else Checkpoint(number, phase.first_epoch)
                fit_phase(phase, start, objective, experiment, trial, logger, progress)
    predict = functools.partial(model.predict, trials.inputs(val, spec), batch_size=256, verbose=0)
    rule = objective.fit_decision_rule(predict, val[spec.target.name], spec, **experiment.decide)
    rule.save(folder / "decision.json")
    with timing.part("write"):
        keras_file.save(model, folder / "model.keras")
        logger.write(folder / "history.csv")
        rows = [row for row in logger.rows if row["epoch"] > phase.first_epoch]
        row = best_epoch(rows, phase.settings, objective.MONITOR)
        write_json(folder / trials.BEST_EPOCH, row)
        run.tag({"parameters": str(model.count_params()), "fit_seconds": f"{logger.seconds:.1f}"})


def fit_phase(
    phase, start: Checkpoint, objective, experiment: schema.Experiment, trial: Trial,
    logger: EpochLogger, progress: Progress,
) -> None:  # fmt: skip
    """Fits a phase from its checkpoint to its end."""
    settings = phase.settings
    callbacks = optimization.callbacks(objective, settings)
    done = start.epoch - phase.first_epoch
    fed = batches.feed(phase.train, phase.val, phase.spec, settings, trial.seed, done, objective)
    steps = len(fed["x"])
    optimization.compile_model(
        phase.model, objective, experiment, phase.spec, settings, steps, phase.rates
    )
    checkpoint = SaveCheckpoint(progress.checkpoint, start, logger, callbacks)
    checkpoint.restore(phase.model)
    phase.model.fit(
        **fed,
        initial_epoch=start.epoch,
        epochs=start.epoch if start.stopped else phase.first_epoch + settings.epochs,
        callbacks=[*callbacks, logger, checkpoint],
        verbose=0,
    )


def best_epoch(rows: list[dict], settings: schema.Fit, monitor: Monitor) -> dict:
    """The epoch whose weights the model has at the end, and the monitor that it was chosen by.

    rows: of history.csv, of the last phase. Without patience the last epoch's weights remain.
    """
    row = monitor.best_epoch(rows)  # refuses a metric that is not there in either case
    return {**(rows[-1] if settings.patience is None else row), "monitor": asdict(monitor)}


def write_json(path: Path, values: dict) -> None:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", "utf-8")
