"""Stage 2: prepared arrays become a fitted model. Opens train and val, never test.

Imports keras and not tensorflow, so that it runs on every Keras backend (KERAS_BACKEND).
"""

import functools
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import keras

import models
from pipelines import tracking
from pipelines.config import loader, schema
from pipelines.config.errors import UserError
from pipelines.runtime import hardware, timing
from pipelines.spec import DataSpec
from pipelines.storage import atomic, keras_file, trials
from pipelines.training import batches, phases, run_identity
from pipelines.training.checkpoints import Checkpoint, Saved, Unfinished
from pipelines.training.epoch_logger import Journal


def run(params_file: Path, key: str) -> None:
    params, experiment = loader.experiment(params_file, key)
    be_repeatable(experiment.fit)
    prepared = Path("data/prepared") / experiment.dataset
    spec = DataSpec.load(prepared / "spec.json")
    fits = trials.of(spec, params.seeds(key))
    about = describe(key, params, spec)
    content = tracking.identity_tags(about["identity"])["identity"]
    begin = functools.partial(tracking.start, experiment.task, **about)
    with (
        Unfinished.open(key, f"{content[:16]}-{keras.config.backend()}") as unfinished,
        unfinished.run(begin, key) as main,
    ):
        for later, trial in zip(reversed(range(len(fits))), fits, strict=True):
            name = key if len(fits) == 1 else f"{key}/{trial.name}"
            progress = Progress(name, later, unfinished.checkpoint(trial.name))
            fitted = unfinished.trial(trial.name)
            if fitted.is_dir():
                print(f"{name}: fitted before")
            elif len(fits) == 1:
                with atomic.folder(fitted) as folder:
                    fit(trial, experiment, spec, prepared, folder, main, progress)
            else:
                own = {"params": asdict(trial), "parent": main.id}
                with atomic.folder(fitted) as folder, unfinished.run(begin, name, **own) as child:
                    fit(trial, experiment, spec, prepared, folder, child, progress)
                    write_json(folder / "run.json", child.record())
        with atomic.folder(Path("data/trained") / key) as out:
            for trial in fits:
                shutil.copytree(unfinished.trial(trial.name), out / trial.name)
            models = {r.name: keras_file.digest(out / r.name / "model.keras") for r in fits}
            write_json(out / "run.json", {**main.record(), "models": models})


def be_repeatable(settings: schema.Fit) -> None:
    """One seed must give one set of weights: asks TensorFlow for it, before its first operation."""
    # XLA's kernels repeat themselves, and Keras refuses it where this is asked for.
    if settings.deterministic and not settings.jit_compile:
        os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")


def describe(key: str, params: schema.Params, spec: DataSpec) -> dict:
    """What makes this run what it is: code, data, params; and what to show of them."""
    experiment = params.experiments[key]
    dataset = params.datasets[params.dataset_of(key)]
    chosen = {
        **run_identity.flat(experiment.model_dump(exclude={"seeds"})),
        "seeds": params.seeds(key),
        **run_identity.flat({"data": dataset.model_dump()}),
    }
    code = run_identity.code_digest(run_identity.train_files(experiment.task, experiment.module))
    return {
        "identity": {"code": code, "data": spec.digests, "params": chosen},
        "params": chosen,
        "tags": {"backend": keras.config.backend(), "machine": hardware.description()},
        "dataset": {
            "name": params.dataset_of(key),
            "digest": run_identity.data_digest(spec.digests),
            "source": dataset.source,
        },
    }


@dataclass(frozen=True)
class Progress:
    """Where a fit stands among others. later: fits to come. checkpoint: a file, if interrupted."""

    name: str
    later: int
    checkpoint: Path


def fit(
    trial, experiment, spec: DataSpec, prepared: Path, folder: Path, run, progress: Progress
) -> None:
    """One fit: model.keras, history.csv and decision.json in `folder`."""
    keras.utils.clear_session()  # layer names count from one again, whatever was built before
    keras.utils.set_random_seed(trial.seed)
    objective = loader.task_module(experiment.task, "objective")
    train, val = (trial.load(prepared, part) for part in ("train", "val"))
    model = models.build(spec, experiment.module, **experiment.build)
    saved, spent = Saved.load(progress.checkpoint), 0.0
    if hasattr(objective, "fit_closed_form") and not saved.variables:
        began = time.perf_counter()
        objective.fit_closed_form(model, train, val, spec)  # weights that are computed, not trained
        spent = time.perf_counter() - began
    journal = Journal(run, progress.name, progress.later, saved.rows, saved.seconds or spent)
    with timing.part("fit"):
        for number, phase in enumerate(phases.phases(model, spec, train, val, experiment.fit)):
            if number >= saved.phase:
                begun = saved if saved.began(number) else Saved(number, phase.first_epoch)
                fit_phase(phase, begun, objective, experiment, trial, journal, progress)
    settings = phase.settings
    predict = functools.partial(model.predict, trials.inputs(val, spec), batch_size=256, verbose=0)
    rule = objective.fit_decision_rule(predict, val[spec.target], spec, **experiment.decide)
    rule.save(folder / "decision.json")
    with timing.part("write"):
        keras_file.save(model, folder / "model.keras")
        journal.write(folder / "history.csv")
        last = [row for row in journal.rows if row["epoch"] > phase.first_epoch]
        write_json(folder / trials.BEST_EPOCH, kept(last, settings))
        run.tag({"parameters": str(model.count_params()), "fit_seconds": f"{journal.seconds:.1f}"})


def fit_phase(phase, begun: Saved, objective, experiment, trial, journal, progress) -> None:
    """Fits a phase from where it was to its end."""
    settings, own = phase.settings, callbacks(objective, phase.settings)
    done = begun.epoch - phase.first_epoch
    fed = batches.feed(phase.train, phase.val, phase.spec, settings, trial.seed, done)
    compile_model(phase.model, objective, experiment, phase.spec, settings, len(fed["x"]))
    checkpoint = Checkpoint(progress.checkpoint, begun, journal, own)
    checkpoint.restore(phase.model)
    phase.model.fit(
        **fed,
        initial_epoch=begun.epoch,
        epochs=begun.epoch if begun.stopped else phase.first_epoch + settings.epochs,
        callbacks=[*own, journal, checkpoint],
        verbose=0,
    )


def callbacks(objective, settings: schema.Fit) -> list[keras.callbacks.Callback]:
    """Averaging first: what is validated, and kept when training stops, is the average."""
    chosen = []
    if settings.ema_momentum is not None:
        chosen.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    if settings.patience is not None:
        chosen.append(
            keras.callbacks.EarlyStopping(
                objective.MONITOR.replace("val/", "val_"),
                patience=settings.patience,
                restore_best_weights=True,
            )
        )
    return chosen


def kept(rows: list[dict], settings: schema.Fit) -> dict:
    """The last phase's epoch whose weights are in the model when training has ended."""
    return rows[-1] if settings.patience is None else min(rows, key=lambda row: row["val/loss"])


def compile_model(
    model, objective, experiment: schema.Experiment, spec: DataSpec, settings: schema.Fit,
    steps: int,
) -> None:  # fmt: skip
    """steps: batches an epoch."""
    tensorflow = keras.config.backend() == "tensorflow"
    model.compile(
        keras.optimizers.Adam(
            learning_rate(settings, steps * settings.epochs),
            # Keras writes every weight anew, unchanged, for a decay of 0.
            weight_decay=settings.weight_decay or None,
            global_clipnorm=settings.clip_norm,
            use_ema=settings.ema_momentum is not None,
            ema_momentum=settings.ema_momentum or 0.99,
        ),
        loss=objective.loss(spec, **experiment.loss),
        metrics=objective.metrics(spec),
        # On other backends Keras decides: JAX without it would run operation by operation.
        jit_compile=settings.jit_compile if tensorflow else "auto",
    )
    if tensorflow and settings.jit_compile and not model.jit_compile:
        raise UserError(
            "fit.jit_compile: true, but Keras does not compile this model with XLA: one of its "
            "layers (augmentation is such) or TF_DETERMINISTIC_OPS in the environment forbids it; "
            "set it to false"
        )


def learning_rate(settings: schema.Fit, steps: int):
    """A number, or a number for each of the steps."""
    rise = round(settings.warmup * steps)
    if settings.schedule == "constant" and not rise:
        return settings.learning_rate
    return keras.optimizers.schedules.CosineDecay(
        0.0 if rise else settings.learning_rate,
        decay_steps=steps - rise,
        alpha=1.0 if settings.schedule == "constant" else 0.0,
        warmup_target=settings.learning_rate if rise else None,
        warmup_steps=rise,
    )


def write_json(path: Path, values: dict) -> None:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", "utf-8")
