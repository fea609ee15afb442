"""Stage: scores and figures of a model on the test split, with its baselines and intervals.

The only stage, besides `baselines` and `export`, that opens the test split.
"""

import csv
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from pipelines import tracking
from pipelines.config import loader
from pipelines.config.file_names import TRACKED
from pipelines.evaluation import (
    baseline_files,
    bootstrap,
    learning_speed,
    load_model,
    reported,
    run_files,
    strong_baselines,
)
from pipelines.evaluation.context import Evaluation
from pipelines.figures import training_curves
from pipelines.inference.decision import DecisionRule
from pipelines.runtime import timing
from pipelines.storage import arrays, atomic
from pipelines.storage.trials import Trial, write_json

if TYPE_CHECKING:
    from pipelines.tasks.contract import TaskInfo

SCORES = "scores.json"
Scores = dict[str, dict[str, np.ndarray]]  # group -> metric -> (1 + resamples,) values


def run(params_file: Path, key: str) -> None:
    stage = Evaluation.of(params_file, key)
    info = loader.task_info(stage.task)
    score = loader.task_module(stage.task, "score")
    record = stage.record()
    metrics_file = Path("data/metrics") / f"{key}.json"
    with (
        tracking.resume(record, files=stage.trained) as main,
        atomic.file(metrics_file) as file,
        atomic.folder(Path("data/metrics") / key) as folder,
    ):
        trials = stage.trials()
        with timing.part("baselines"):
            baselines = {
                repeat: baseline_scores(stage, score, repeat)
                for repeat in {trial.repeat for trial in trials}
            }
        with timing.part("score"):
            models = [evaluate_trial(stage, score, trial, folder) for trial in trials]
        metrics = summarize(
            info.strong_baseline, models, [baselines[trial.repeat] for trial in trials]
        )
        if stage.is_estimator:  # no curves; DVC wants the folder
            (folder / "plots").mkdir(exist_ok=True)
        else:
            metrics |= draw_training(stage, trials, info, baselines, folder / "plots")
        for trial, scores in zip(trials, models, strict=True):
            path = folder / "scores" / trial.name / SCORES
            points = write_points(path, scores | baselines[trial.repeat])
            run_files.write(stage, points, path.parent)
        run_files.write(stage, metrics, folder / "scores")
        write_json(folder / "headline.json", reported.headline(stage.task, metrics))
        write_json(file, metrics)
        with timing.part("track"):
            main.results(folder / "scores" / TRACKED)
            for trial in trials:
                track_child(stage, trial, folder / "scores" / trial.name / TRACKED)
            tracking.describe_experiment(stage.task, **run_files.experiment(stage.task, metrics))
    print(f"{key}: {info.primary_metric} {metrics[f'test/{info.primary_metric}']:.4f}")


def evaluate_trial(stage: Evaluation, score: ModuleType, trial, folder: Path) -> Scores:
    """Scores one trained model; writes its predictions, figures and most confident errors."""
    test = trial.load(stage.prepared, "test")
    source = stage.trained / trial.name
    decision = DecisionRule.load(source / "decision.json")
    figures = loader.task_module(stage.task, "figures")
    if stage.is_estimator:
        model, draw = stage.estimator(trial), getattr(figures, "draw_estimator", None)
        outputs = strong_baselines.predict(model, test, stage.spec, score.Outputs)
    else:
        model, draw = load_model.load(source, stage.record()), figures.draw
        outputs = score.predict(model, test, stage.spec, decision, trial.assets(stage.prepared))
    if hasattr(score, "generate"):
        train = trial.load(stage.prepared, "train")
        outputs = replace(outputs, **score.generate(model, train, stage.spec))
    outputs.save(folder / "scores" / trial.name / "predictions")
    plots = folder / "plots" / trial.name
    if draw:
        draw(outputs, test, stage.spec, decision, plots, model)
    if hasattr(figures, "draw_comparison"):
        baselines = baseline_files.load(score, stage.baselines / f"repeat{trial.repeat}")
        assets = trial.assets(stage.prepared)
        figures.draw_comparison(outputs, baselines, test, stage.spec, assets, plots)
    return stage.measure(score, outputs, test, trial.repeat)


def draw_training(
    stage: Evaluation, trials: list[Trial], info: "TaskInfo", baselines: dict[int, Scores],
    folder: Path,
) -> dict[str, float]:  # fmt: skip
    """Draws the training curves; returns how fast the loss fell, where that is defined."""
    histories = {trial: history(stage.trained / trial.name) for trial in trials}
    trivial = learning_speed.trivial_loss(info, baselines)
    by_name = {trial.name: rows for trial, rows in histories.items()}
    training_curves.training(by_name, folder, trivial)
    return {} if trivial is None else learning_speed.steps_to_half(stage, histories, trivial)


def baseline_scores(stage: Evaluation, score: ModuleType, repeat: int) -> Scores:
    """Scores of the stored baselines on one repeat; groups as in the metrics file."""
    test = arrays.read(stage.prepared / f"repeat{repeat}" / "test")
    groups = {}
    outputs = baseline_files.load(score, stage.baselines / f"repeat{repeat}")
    for name, baseline in outputs.items():
        measured = stage.measure(score, baseline, test, repeat)
        groups[name] = measured.pop("test")
        for subset, scores in measured.items():
            groups[f"{name}_{subset.removeprefix('test_')}"] = scores
    return groups


def write_points(path: Path, scores: Scores) -> dict[str, float]:
    """Point estimates alone, where they exist: of one trial and of its repeat's baselines."""
    points = {
        f"{group}/{name}": float(values[0])
        for group, metrics in scores.items()
        for name, values in metrics.items()
        if np.isfinite(values[0])
    }
    write_json(path, points)
    return points


def summarize(strong: str, models: list[Scores], baselines: list[Scores]) -> dict[str, float]:
    """Means over trials, baselines, and the difference from `strong`; all with intervals."""
    means = {group: mean([scores[group] for scores in models]) for group in models[0]}
    means |= {group: mean([scores[group] for scores in baselines]) for group in baselines[0]}
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
    if len(models) > 1:
        for group in models[0]:
            for name in models[0][group]:
                points = [scores[group][name][0] for scores in models]
                metrics[f"{group}/{name}_sd"] = float(np.std(points, ddof=1))
    return {name: value for name, value in metrics.items() if np.isfinite(value)}


def mean(scores: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Metric by metric over trials, resample by resample."""
    return {name: np.mean([values[name] for values in scores], axis=0) for name in scores[0]}


def history(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open(encoding="utf-8", newline="") as stream:
        return [
            {name: int(value) if name == "epoch" else float(value) for name, value in row.items()}
            for row in csv.DictReader(stream)
        ]


def track_child(stage: Evaluation, trial, tracked: Path) -> None:
    """Logs a trial's results to its run, where it has one of its own."""
    path = stage.trained / trial.name / "run.json"
    if path.is_file():
        record = json.loads(path.read_text("utf-8"))
        with tracking.resume(record, files=path.parent) as child:
            child.results(tracked)
