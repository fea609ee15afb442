"""One fit of a network: phases of epochs, checkpoints, the best epoch and the decision rule."""

import functools
import time
from dataclasses import asdict
from pathlib import Path

import keras

import models
from pipelines.config import loader, schema
from pipelines.runtime import timing
from pipelines.spec import DataSpec
from pipelines.storage import keras_file, trials
from pipelines.storage.trials import Trial
from pipelines.training import batches, optimization, phases
from pipelines.training.checkpoints import Checkpoint, SaveCheckpoint
from pipelines.training.epoch_logger import EpochLogger
from pipelines.training.monitor import Monitor
from pipelines.training.progress import Progress


def backend(experiment: schema.Experiment) -> str:
    """Keras's backend, set up for the experiment: deterministic where it asks, and its steps."""
    optimization.enable_determinism(experiment.fit)
    optimization.prepare_short_steps(experiment)
    return keras.config.backend()


def digest(trained: Path) -> str:
    """sha256 of the model in a trial's folder."""
    return keras_file.digest(trained / trials.MODEL)


def fit(
    trial: Trial, experiment: schema.Experiment, spec: DataSpec, prepared: Path, folder: Path,
    run, progress: Progress,
) -> None:  # fmt: skip
    """One fit: writes model.keras, history.csv, best_epoch.json and decision.json to `folder`."""
    keras.utils.clear_session()  # layer names count from one again, whatever was built before
    keras.utils.set_random_seed(trial.seed)
    spec = spec.of_repeat(trial.repeat)
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
        keras_file.save(model, folder / trials.MODEL)
        logger.write(folder / "history.csv")
        rows = [row for row in logger.rows if row["epoch"] > phase.first_epoch]
        row = best_epoch(rows, phase.settings, objective.MONITOR)
        trials.write_json(folder / trials.BEST_EPOCH, row)
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
