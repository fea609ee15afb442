"""Stage 2: prepared arrays become a fitted model. Opens train and val, never test.

Imports keras and not tensorflow, so that it runs on every Keras backend (KERAS_BACKEND).
"""

import csv
import functools
import json
import math
import os
import time
from dataclasses import asdict
from pathlib import Path

import keras

import models
from pipelines import (
    atomic,
    batches,
    config,
    fitting,
    identity,
    keras_file,
    replicates,
    timing,
    tracking,
)
from pipelines.checks import Refused
from pipelines.spec import DataSpec


def run(params_file: Path, key: str) -> None:
    params, experiment = config.experiment(params_file, key)
    if not experiment.fit.jit_compile:
        # One seed must give one set of weights. TensorFlow reads this at its first operation, and
        # Keras then refuses XLA, whose kernels repeat themselves without being told.
        os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
    prepared = Path("data/prepared") / experiment.dataset
    spec = DataSpec.load(prepared / "spec.json")
    fits = replicates.of(spec, params.seeds(key))
    about = describe(key, params, spec)
    with (
        tracking.start(experiment.task, key, **about) as main,
        atomic.folder(Path("data/trained") / key) as out,
    ):
        for replicate in fits:
            folder = out / replicate.name
            folder.mkdir()
            if len(fits) == 1:
                fit(replicate, experiment, spec, prepared, folder, main)
            else:
                name, own = f"{key}/{replicate.name}", {**about, "params": asdict(replicate)}
                with tracking.start(experiment.task, name, **own, parent=main.id) as child:
                    fit(replicate, experiment, spec, prepared, folder, child)
                    write_json(folder / "run.json", child.record())
        write_json(out / "run.json", main.record())


def describe(key: str, params: config.Params, spec: DataSpec) -> dict:
    """What makes this run what it is: code, data, params; and what to show of them."""
    experiment = params.experiments[key]
    dataset = params.datasets[params.dataset_of(key)]
    chosen = {
        **identity.flat(experiment.model_dump(exclude={"seeds"})),
        "seeds": params.seeds(key),
        **identity.flat({"data": dataset.model_dump()}),
    }
    code = identity.code_digest(identity.train_files(experiment.task, experiment.module))
    return {
        "identity": {"code": code, "data": spec.digests, "params": chosen},
        "params": chosen,
        "tags": {"backend": keras.config.backend()},
        "dataset": {
            "name": params.dataset_of(key),
            "digest": identity.data_digest(spec.digests),
            "source": dataset.source,
        },
    }


def fit(replicate, experiment, spec: DataSpec, prepared: Path, folder: Path, run) -> None:
    """One fit: model.keras, history.csv and decision.json in `folder`."""
    keras.utils.clear_session()  # layer names count from one again, whatever was built before
    keras.utils.set_random_seed(replicate.seed)
    objective = config.task_module(experiment.task, "objective")
    train, val = (replicate.part(prepared, part) for part in ("train", "val"))
    model = models.build(spec, experiment.module, **experiment.build)
    journal = Journal(run)
    with timing.part("fit"):
        for phase in fitting.phases(model, spec, train, val, experiment.fit):
            settings, before = phase.settings, len(journal.rows)
            compile_model(phase.model, objective, experiment, spec, settings)
            phase.model.fit(
                **batches.feed(phase.train, phase.val, phase.spec, settings, replicate.seed),
                initial_epoch=phase.first_epoch,
                epochs=phase.first_epoch + settings.epochs,
                callbacks=[*callbacks(objective, settings), journal],
                verbose=2,
            )
    predict = functools.partial(
        model.predict, replicates.inputs(val, spec), batch_size=256, verbose=0
    )
    rule = objective.decide(predict, val[spec.target], spec, **experiment.decide)
    rule.save(folder / "decision.json")
    with timing.part("write"):
        keras_file.save(model, folder / "model.keras")
        write_history(folder / "history.csv", journal.rows)
        write_json(folder / replicates.KEPT, kept(journal.rows[before:], settings))
        run.tag({"parameters": str(model.count_params()), "fit_seconds": f"{journal.seconds:.1f}"})


def callbacks(objective, settings: config.Fit) -> list[keras.callbacks.Callback]:
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


def kept(rows: list[dict], settings: config.Fit) -> dict:
    """The last phase's epoch whose weights are in the model when training has ended."""
    return rows[-1] if settings.patience is None else min(rows, key=lambda row: row["val/loss"])


def compile_model(
    model, objective, experiment: config.Experiment, spec: DataSpec, settings: config.Fit
) -> None:
    tensorflow = keras.config.backend() == "tensorflow"
    model.compile(
        keras.optimizers.AdamW(
            settings.learning_rate,
            weight_decay=settings.weight_decay,
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
        raise Refused(
            "fit.jit_compile: true, but Keras does not compile this model with XLA: one of its "
            "layers (augmentation is such) or TF_DETERMINISTIC_OPS in the environment forbids it; "
            "set it to false"
        )


class Journal(keras.callbacks.Callback):
    """Tells MLflow and history.csv about every epoch, and stops on a loss that is no number."""

    def __init__(self, run):
        super().__init__()
        self.run, self.rows, self.seconds = run, [], 0.0

    def on_train_begin(self, logs=None):
        self.began = time.perf_counter() - self.seconds  # a second phase goes on counting

    def on_epoch_end(self, epoch, logs=None):
        row = {
            f"val/{name[4:]}" if name.startswith("val_") else f"train/{name}": float(value)
            for name, value in logs.items()
        }
        if not all(math.isfinite(value) for value in row.values()):
            raise Refused(
                f"epoch {epoch + 1}: the loss is no longer a finite number ({row}); "
                "lower fit.learning_rate or look for extreme values in the data"
            )
        self.seconds = time.perf_counter() - self.began
        self.rows.append({"epoch": epoch + 1, **row})
        self.run.metrics(row, step=epoch + 1)


def write_history(path: Path, rows: list[dict]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_json(path: Path, values: dict) -> None:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", "utf-8")
