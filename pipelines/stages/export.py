"""Stage 4: the best trial becomes a SavedModel that takes raw input, proven before it counts.

A process of its own loads what was written and scores the whole test part with it; only if those
scores equal evaluate's is the folder put in place and the model registered.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines import tracking
from pipelines.config import loader
from pipelines.config.errors import UserError
from pipelines.evaluation import load_model
from pipelines.evaluation.context import Evaluation
from pipelines.inference.decision import Decision
from pipelines.runtime import timing
from pipelines.stages import promotion
from pipelines.stages.verify import ask, score
from pipelines.storage import arrays, atomic
from pipelines.storage.trials import Trial, validation_loss
from pipelines.tasks.contract import better

GOLDEN_ROWS = 8


def run(params_file: Path, key: str) -> None:
    stage = Evaluation.of(params_file, key)
    record = stage.record()
    metrics_file = Path("data/metrics") / f"{key}.json"
    trial = best(stage)
    with (
        tracking.resume(record, files=stage.trained, metrics=metrics_file) as main,
        atomic.folder(Path("data/exported") / key) as folder,
    ):
        with timing.part("export"):
            write_saved_model(stage, trial, folder)
            write_contract(stage, trial, folder, main.id)
        with timing.part("verify"):
            verify(params_file, folder)
        with timing.part("register"):
            register(stage, trial, folder, main)


def best(stage: Evaluation) -> Trial:
    """The trial with the lowest validation loss; test scores have no say."""
    return min(stage.trials(), key=lambda r: validation_loss(stage.trained / r.name))


def write_saved_model(stage: Evaluation, trial: Trial, folder: Path) -> None:
    source = stage.trained / trial.name
    model = load_model.load(source, stage.record())
    serve = loader.task_module(stage.task, "serve")
    module, signatures = serve.endpoints(
        model,
        stage.spec,
        trial.assets(stage.prepared),
        Decision.load(source / "decision.json"),
    )
    tf.saved_model.save(module, str(folder / "model"), signatures)


def write_contract(stage: Evaluation, trial: Trial, folder: Path, run_id: str) -> None:
    """signature.json: what goes in and comes out. golden.json: rows with the answers to expect."""
    serve = loader.task_module(stage.task, "serve")
    loaded = tf.saved_model.load(str(folder / "model"))
    units = serve.units(stage.spec) if hasattr(serve, "units") else {}
    about = {
        "experiment": stage.key,
        "task": stage.task,
        "trial": asdict(trial),
        "run_id": run_id,
        "labels": stage.spec.labels,
        "requires": getattr(serve, "REQUIRES", ()),  # what to import before loading
        "digest": arrays.digest(folder / "model"),
        "signatures": {
            name: described(signature, units) for name, signature in loaded.signatures.items()
        },
    }
    write_json(folder / "signature.json", about)
    rows = trial.load(stage.prepared, "test")[stage.spec.raw][:GOLDEN_ROWS]
    answers = {name: readable(values) for name, values in ask(folder / "model", rows).items()}
    golden = {"inputs": {stage.spec.raw: [as_json(row) for row in rows]}, "outputs": answers}
    write_json(folder / "golden.json", golden)


def described(signature, units: Mapping[str, str]) -> dict:
    """Names, types and shapes of what goes in and comes out; units of what has one."""
    sides = {
        "inputs": signature.structured_input_signature[1],
        "outputs": signature.structured_outputs,
    }
    return {
        side: {
            name: {"dtype": s.dtype.name, "shape": s.shape.as_list()}
            | ({"unit": units[name]} if units.get(name) else {})
            for name, s in specs.items()
        }
        for side, specs in sides.items()
    }


def readable(values: np.ndarray) -> list:
    return [v.decode() if isinstance(v, bytes) else v for v in values.tolist()]


def as_json(row):
    """A raw row as TensorFlow Serving's REST interface takes it: bytes in base64."""
    if isinstance(row, bytes):
        return {"b64": base64.b64encode(row).decode()}
    return row.tolist() if isinstance(row, np.ndarray) else row


def verify(params_file: Path, folder: Path) -> None:
    """`python -m pipelines verify` in a process of its own."""
    arguments = ["verify", str(folder), "--params", str(params_file)]
    command = [sys.executable, "-m", "pipelines", *arguments]
    # Its time is the part `verify` of this stage, not a stage's.
    environ = {name: os.environ[name] for name in os.environ if name != timing.TARGET}
    if subprocess.run(command, env=environ, check=False).returncode:
        raise UserError(
            f"{folder.name}: the exported model failed its check (above); nothing exported"
        )


def register(stage: Evaluation, trial: Trial, folder: Path, run) -> None:
    """A version in the registry, and the alias `champion` if it deserves it."""
    task = loader.task(stage.task)
    primary, direction = f"test/{task.PRIMARY}", better(stage.task, task.PRIMARY)
    points = json.loads(stage.scores(trial).read_text("utf-8"))
    own = points[primary]
    name = f"{stage.task}-{stage.params.dataset_of(stage.key)}"
    digest = stage.spec.digests[f"repeat{trial.repeat}/test"]
    present = tracking.champion(name)
    version = tracking.register(
        name, folder / "model", run.id, key=stage.key, score=own, better=direction,
        test_digest=digest, interface=json.loads((folder / "signature.json").read_text("utf-8")),
    )  # fmt: skip
    crowned, why = promotion.deserves(
        own, yardsticks(points, primary), present, digest,
        lambda held: score(tracking.saved_model(held), stage, trial)[primary],
        higher=direction == "higher",
    )  # fmt: skip
    if crowned:
        tracking.promote(name, version)
    print(f"{name} version {version}: {'champion' if crowned else 'not champion'}; {primary} {why}")


def yardsticks(points: dict[str, float], primary: str) -> dict[str, float]:
    """Each baseline's value of the metric that champions are chosen by."""
    metric = primary.removeprefix("test/")
    groups = {name.split("/")[0] for name in points if name.startswith("baseline_")}
    return {
        group: points[f"{group}/{metric}"] for group in sorted(groups) if "_unseen" not in group
    }


def write_json(path: Path, values: dict) -> None:
    text = json.dumps(values, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", "utf-8")
