"""Stage 3: what the model is worth on rows that nothing else has seen. Alone opens test."""

import csv
import json
from pathlib import Path
from types import ModuleType

import numpy as np

from pipelines import tracking
from pipelines.config import loader
from pipelines.evaluation import bootstrap, load_model
from pipelines.evaluation.context import Evaluation
from pipelines.figures import training_curves
from pipelines.inference.decision import DecisionRule
from pipelines.runtime import timing
from pipelines.storage import arrays, atomic
from pipelines.tasks.contract import headline

SCORES = "scores.json"


def run(params_file: Path, key: str) -> None:
    stage = Evaluation.of(params_file, key)
    task = loader.task_module(stage.task, "score")
    record = stage.record()
    metrics_file = Path("data/metrics") / f"{key}.json"
    with (
        tracking.resume(record, files=stage.trained) as main,
        atomic.file(metrics_file) as file,
        atomic.folder(Path("data/metrics") / key) as folder,
    ):
        fits = stage.trials()
        with timing.part("baselines"):
            yardsticks = {
                split: baseline_values(stage, task, split) for split in {r.repeat for r in fits}
            }
        with timing.part("score"):
            measured = [evaluate_one(stage, task, trial, folder) for trial in fits]
        for trial, values in zip(fits, measured, strict=True):
            points = folder / "scores" / trial.name / SCORES
            write_points(points, values | yardsticks[trial.repeat])
        metrics = summarise(
            loader.task(stage.task).STRONG, measured, [yardsticks[r.repeat] for r in fits]
        )
        training_curves.training(
            {r.name: history(stage.trained / r.name) for r in fits}, folder / "plots"
        )
        file.write_text(json.dumps(metrics, indent=1) + "\n", "utf-8")
        with timing.part("track"):
            main.metrics(metrics)
            main.artifact(folder)
            for trial in fits:
                track_child(stage, trial, folder / "scores" / trial.name / SCORES)
    for metric in headline(stage.task, metrics):
        print(f"{key}: {metric} {metrics[f'test/{metric}']:.4f}")


def evaluate_one(stage: Evaluation, task: ModuleType, trial, folder: Path) -> dict:
    """Scores one fitted model; writes its predictions, figures and mistakes."""
    test = trial.load(stage.prepared, "test")
    source = stage.trained / trial.name
    model = load_model.load(source, stage.record())
    decision = DecisionRule.load(source / "decision.json")
    outputs = task.predict(model, test, stage.spec, decision, trial.assets(stage.prepared))
    arrays.write(folder / "scores" / trial.name / "predictions", outputs.columns())
    task.draw(outputs, test, stage.spec, decision, folder / "plots" / trial.name, model)
    return stage.measure(task, outputs, test, trial.repeat)


def write_points(path: Path, measured: dict) -> None:
    """Point estimates alone, where they exist: of one trial and of its split's baselines."""
    points = {
        f"{group}/{name}": float(values[0])
        for group, scores in measured.items()
        for name, values in scores.items()
        if np.isfinite(values[0])
    }
    path.write_text(json.dumps(points, indent=1) + "\n", "utf-8")


def baseline_values(
    stage: Evaluation, task: ModuleType, split: int
) -> dict[str, dict[str, np.ndarray]]:
    parts = [
        arrays.read(stage.prepared / f"repeat{split}" / part) for part in ("train", "val", "test")
    ]
    found = task.baselines(*parts, stage.spec, stage.params.seed)
    values = {}
    for name, outputs in found.items():
        if outputs.chosen:
            print(f"split {split}, {name}: {outputs.chosen}")
        for part, scores in stage.measure(task, outputs, parts[2], split).items():
            values[name if part == "test" else f"{name}_{part.removeprefix('test_')}"] = scores
    return values


def summarise(strong: str, measured: list[dict], yardsticks: list[dict]) -> dict[str, float]:
    """Means over trials, baselines, and the difference from `strong`; all with intervals."""
    means = {name: mean([values[name] for values in measured]) for name in measured[0]}
    means |= {name: mean([values[name] for values in yardsticks]) for name in yardsticks[0]}
    reference = means[strong]
    means["difference"] = {name: values - reference[name] for name, values in means["test"].items()}
    metrics = {}
    for group, scores in means.items():
        for name, values in scores.items():
            point, low, high = bootstrap.summary(values)
            metrics |= {
                f"{group}/{name}": point,
                f"{group}/{name}_low": low,
                f"{group}/{name}_high": high,
            }
    if len(measured) > 1:
        for group in measured[0]:
            for name in measured[0][group]:
                points = [values[group][name][0] for values in measured]
                metrics[f"{group}/{name}_sd"] = float(np.std(points, ddof=1))
    return {name: value for name, value in metrics.items() if np.isfinite(value)}


def mean(values: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Metric by metric over trials, weighting by weighting."""
    return {name: np.mean([v[name] for v in values], axis=0) for name in values[0]}


def history(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open(encoding="utf-8", newline="") as stream:
        return [
            {name: int(value) if name == "epoch" else float(value) for name, value in row.items()}
            for row in csv.DictReader(stream)
        ]


def track_child(stage: Evaluation, trial, points: Path) -> None:
    """A trial's own scores go to its own run, where it has one."""
    record = stage.trained / trial.name / "run.json"
    if record.is_file():
        about = json.loads(record.read_text("utf-8"))
        with tracking.resume(about, files=record.parent) as child:
            child.metrics(json.loads(points.read_text("utf-8")))
