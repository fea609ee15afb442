"""What XLA gains in training: `.venv/bin/python benchmarks/xla.py [experiment ...]`.

Trains every experiment of params.yaml and course/params.yaml (or those named) for some epochs
without and with `jit_compile`, each in a separate process, on prepared data (`dvc repro` first).
Writes docs/xla.json, where experiments that are not measured again stay, and the table of
docs/performance.md. Nothing is tracked and nothing under data/ is changed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.experiments import all_keys, params_file  # noqa: E402
from pipelines.commands import results  # noqa: E402
from pipelines.config import loader  # noqa: E402

PAGE, FILE = ROOT / "docs/performance.md", ROOT / "docs/xla.json"
BEGIN, END = "<!-- xla -->", "<!-- end of xla -->"
EPOCHS = 5  # timed; the epoch before them compiles, once for each length of `fit.length_buckets`
ROWS = 1024  # of an epoch, at most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiments", nargs="*")
    parser.add_argument("--measure", choices=("off", "on"), help="one, in this process")
    options = parser.parse_args()
    keys = options.experiments or all_keys()
    if options.measure:
        print(json.dumps(measure(keys[0], jit_compile=options.measure == "on")))
        return
    values = json.loads(FILE.read_text("utf-8")) if FILE.is_file() else {"experiments": {}}
    values["machine"] = results.machine()
    for key in keys:
        values["experiments"][key] = compare(key)
        print(f"{key}: {values['experiments'][key]}", flush=True)
        FILE.write_text(json.dumps(values, indent=1) + "\n", "utf-8")
    measured = {key: values["experiments"].get(key) for key in all_keys()}
    write(table(values["machine"], {key: run for key, run in measured.items() if run}))


def compare(key: str) -> dict:
    """Examples a second, off and on; each the median of `EPOCHS` epochs. Without `on` where Keras
    does not compile the model."""
    modes = {}
    for mode in ("off", "on"):
        command = [sys.executable, __file__, "--measure", mode, key]
        # Keras turns XLA off, with a warning alone, where TensorFlow is held to determinism.
        environ = {**os.environ, "TF_DETERMINISTIC_OPS": "1" if mode == "off" else "0"}
        done = subprocess.run(
            command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{key}: measuring with XLA {mode} failed (above)")
        modes[mode] = json.loads(done.stdout.splitlines()[-1])
    if modes["on"] is None:
        return {"off": modes["off"]}
    return {**modes, "ratio": modes["on"]["examples_per_s"] / modes["off"]["examples_per_s"]}


def measure(key: str, *, jit_compile: bool) -> dict | None:
    """One experiment's first phase of training, on its first trial. None: not compiled."""
    import keras

    import models
    from pipelines.config.errors import UserError
    from pipelines.spec import DataSpec
    from pipelines.storage import trials
    from pipelines.training import batches, optimization, phases

    params, experiment = loader.experiment(params_file(key), key)
    prepared = ROOT / "data/prepared" / experiment.dataset
    spec = DataSpec.load(prepared / "spec.json")
    trial = trials.of(spec, params.seeds(key))[0]
    keras.utils.set_random_seed(trial.seed)
    train_part, val_part = (trial.load(prepared, part) for part in ("train", "val"))
    parts = (sample(part, spec, experiment.fit.batch_size) for part in (train_part, val_part))
    model = models.build(spec, experiment.module, **experiment.build)
    phase = next(phases.phases(model, spec, *parts, experiment.fit))
    settings = phase.settings.model_copy(update={"jit_compile": jit_compile})
    objective = loader.task_module(experiment.task, "objective")
    fed = batches.feed(phase.train, phase.val, phase.spec, settings, trial.seed)
    try:
        optimization.compile_model(
            phase.model, objective, experiment, spec, settings, len(fed["x"])
        )
    except UserError:
        return None
    del fed["validation_data"]
    clock = Clock(keras)
    phase.model.fit(**fed, epochs=1 + EPOCHS, verbose=0, callbacks=[clock.callback])
    rows = len(phase.train[phase.spec.target.name])
    return {
        "examples_per_s": rows / statistics.median(clock.seconds[1:]),
        "first_epoch_s": clock.seconds[0],
        "rows": rows,
        "training_rows": experiment.fit.epochs * len(train_part[spec.target.name]),
    }


def sample(part: dict, spec, batch_size: int) -> dict:
    """The columns that training reads, with rows spread over the split: files are often sorted.

    Full batches only, if there are any: a smaller batch would be compiled separately, and with
    length buckets in the epoch in which its length first occurs.
    """
    present = len(part[spec.target.name])
    rows = min(present, ROWS)
    rows = rows // batch_size * batch_size or rows
    indices = np.linspace(0, present - 1, rows).round().astype(int)
    return {name: part[name][indices] for name in (*spec.inputs, spec.target.name)}


class Clock:
    """Seconds of each epoch."""

    def __init__(self, keras):
        self.seconds: list[float] = []
        self.callback = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: setattr(self, "began", time.perf_counter()),
            on_epoch_end=lambda epoch, logs: self.seconds.append(time.perf_counter() - self.began),
        )


def training_s(mode: dict) -> float:
    """Seconds of all epochs, on all rows, including compilation."""
    return mode["first_epoch_s"] + (mode["training_rows"] - mode["rows"]) / mode["examples_per_s"]


def table(hardware: dict, measured: dict) -> str:
    lines = [("experiment", "examples/s", "with XLA", "ratio", "training, s", "with XLA, s")]
    for key, modes in measured.items():
        off, on = modes["off"], modes.get("on")
        lines.append(
            (
                f"`{key}`",
                f"{off['examples_per_s']:.0f}",
                f"{on['examples_per_s']:.0f}" if on else "not compiled by Keras",
                f"{modes['ratio']:.2f}" if on else "",
                f"{training_s(off):.1f}",
                f"{training_s(on):.1f}" if on else "",
            )
        )
    note = f"Medians of {EPOCHS} epochs, {hardware['date']}, {hardware['cores']} cores of"
    return f"{results.markdown(lines)}\n\n{note} {hardware['processor']}."


def write(text: str) -> None:
    PAGE.write_text(results.embedded(PAGE.read_text("utf-8"), text, PAGE, BEGIN, END), "utf-8")
    print(text)


if __name__ == "__main__":
    main()
