"""Accuracy by the number of training rows.

`.venv/bin/python -m benchmarks.learning_curve sst2_ngrams [...]`

Fits an experiment of benchmarks/params.yaml to an eighth, a quarter, half and all of its training
rows and prints the accuracy on val, after the epoch where it is best; test is not read. Every
share contains the smaller ones and is trained for as many steps as the whole; the vocabulary is
that of the whole. Prepare the data first: `dvc repro benchmarks/dvc.yaml:prepare@sst2`. Nothing is
tracked and nothing under data/ is changed.
"""

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.untracked import Untracked
from pipelines.commands import results
from pipelines.config import loader
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec
from pipelines.stages import evaluate
from pipelines.storage import trials
from pipelines.storage.trials import Trial
from pipelines.training import network_fit, optimization
from pipelines.training.progress import Progress

SHARES = (8, 4, 2, 1)  # 8: one row in eight


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiments", nargs="+")
    parser.add_argument("--params", type=Path, default=Path("benchmarks/params.yaml"))
    options = parser.parse_args()
    for key in options.experiments:
        classifies(options.params, key)
    for key in options.experiments:
        print(table(options.params, key), flush=True)


def classifies(params_file: Path, key: str) -> None:
    task = loader.experiment(params_file, key)[1].task
    if "accuracy" not in loader.task_module(task, "reporting").REPORTED_METRICS:
        raise UserError(
            "task-without-accuracy",
            f"the task {task} has no accuracy; name experiments of text_classification or "
            "image_classification",
            path=params_file, key=f"experiments.{key}", value=task,
        )  # fmt: skip


def table(params_file: Path, key: str) -> str:
    params, experiment = loader.experiment(params_file, key)
    optimization.enable_determinism(experiment.fit)
    prepared = Path("data/prepared") / experiment.dataset
    spec = DataSpec.load(prepared / "spec.json")
    whole = trials.of(spec, params.seeds(key))
    rows = max(len(trial.load(prepared, "train")[spec.target.name]) for trial in whole)
    lines = [(f"rows of train, {key}", "fits", "best val accuracy", "sd")]
    for share in SHARES:
        fit = experiment.fit.model_copy(update={"epochs": experiment.fit.epochs * share})
        longer = experiment.model_copy(update={"fit": fit})
        parts = [Shared(trial.repeat, trial.seed, share) for trial in whole]
        name = f"{key}, 1 in {share}"
        accuracies = [best(name, part, longer, prepared, spec) for part in parts]
        sd = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
        mean = statistics.mean(accuracies)
        lines.append((f"{rows // share:,}", str(len(accuracies)), f"{mean:.4f}", f"{sd:.4f}"))
    return results.markdown(lines)


def best(name: str, part: "Shared", experiment, prepared: Path, spec: DataSpec) -> float:
    """Val's best accuracy in one fit."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        progress = Progress(f"{name}, {part.name}", 0, folder / "checkpoint.npz")
        network_fit.fit(part, experiment, spec, prepared, folder, Untracked(), progress)
        return max(row["val/accuracy"] for row in evaluate.history(folder))


@dataclass(frozen=True)
class Shared(Trial):
    """A trial with one in `share` of its training rows, and those columns that are arrays."""

    share: int

    def load(self, prepared: Path, split: str) -> dict:
        columns = super().load(prepared, split)
        if split != "train":
            return columns
        arrays = {
            name: column for name, column in columns.items() if isinstance(column, np.ndarray)
        }
        present = len(next(iter(arrays.values())))
        rows = np.random.default_rng(self.seed).permutation(present)[: present // self.share]
        return {name: column[np.sort(rows)] for name, column in arrays.items()}


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        print(f"learning_curve: {error}", file=sys.stderr)
        sys.exit(2)
