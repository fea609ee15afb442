"""The description of a registered version: task, data, scores, subgroups, limits, calls."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipelines.config import loader
from pipelines.evaluation import reported, run_files
from pipelines.evaluation.comparison import compare, number
from pipelines.evaluation.context import UNSEEN_SUBSET, Evaluation
from pipelines.storage.trials import Trial

MAX_CLASSES = 30  # rows of the table of classes
MAX_EXAMPLE_CHARACTERS = 120
PREDICTED = "predicted.npy"  # class ids, which `score` of a classification task saves


def card(stage: Evaluation, trial: Trial, name: str, exported: Path) -> str:
    """Markdown.

    Args:
        trial: the one that was exported.
        name: of the registered model.
        exported: the folder with signature.json and golden.json.
    """
    contract = json.loads((exported / "signature.json").read_text("utf-8"))
    golden = json.loads((exported / "golden.json").read_text("utf-8"))
    sections = [
        ("Task and data", [*task_lines(stage, trial), "", *run_files.data_lines(stage.prepared)]),
        ("Scores on the test split", scores(stage)),
        ("Subgroups", subgroups(stage, trial)),
        ("Limits", limits(stage)),
        ("Inputs and outputs", signature(contract)),
        ("How to call it", calls(stage.key, name, golden)),
    ]
    parts = [f"## {title}\n\n" + "\n".join(lines) for title, lines in sections if lines]
    return "\n\n".join(parts) + "\n"


def task_lines(stage: Evaluation, trial: Trial) -> list[str]:
    block = stage.params.experiments[stage.key]
    dataset = stage.dataset
    source = stage.params.datasets[dataset].source
    rows = {
        split: len(trial.load(stage.prepared, split)[stage.spec.target.name])
        for split in ("train", "val", "test")
    }
    counts = ", ".join(f"{count:,} {split}" for split, count in rows.items())
    return [
        f"{loader.task_info(stage.task).title} with `{block.module}.{block.build['builder']}`, "
        f"experiment `{stage.key}`, on the data set `{dataset}` from `{source}`: {counts} rows."
    ]


def scores(stage: Evaluation) -> list[str]:
    """The reported metrics beside the baselines, over all trials."""
    trials = len(stage.trials())
    note = f"Means over {trials} fits, of which the best on val was exported." if trials > 1 else ""
    lines = run_files.score_lines(stage.task, stage.dataset, stage.metrics)
    return [*lines, "", f"Brackets: 95 % bootstrap intervals over test rows. {note}".rstrip()]


def subgroups(stage: Evaluation, trial: Trial) -> list[str]:
    """Recall of each class; scores of rows that train does not have; errors of each column."""
    lines = [*class_lines(stage, trial)]
    values = stage.metrics
    for metric in reported.reported_metrics(stage.task, values):
        if (value := values.get(f"{UNSEEN_SUBSET}/{metric}")) is not None:
            lines += ["", f"Rows that train does not also have: {metric} {number(value)}"]
    columns = [name for name in values if name.startswith("test/mae_")]
    columns = [name for name in columns if not reported.is_bound(name)]
    if len(columns) > 1:
        lines += [f"- {name.removeprefix('test/')} {number(values[name])}" for name in columns]
    return lines


def class_lines(stage: Evaluation, trial: Trial) -> list[str]:
    """A row for each class; none where the task has no class ids, or too many classes."""
    path = stage.scores(trial).parent / "predictions" / PREDICTED
    labels = stage.spec.labels
    if not path.is_file() or not 0 < len(labels) <= MAX_CLASSES:
        return []
    predicted = np.load(path, allow_pickle=False)
    targets = np.asarray(trial.load(stage.prepared, "test")[stage.spec.target.name])
    if predicted.shape != targets.shape:
        return []
    lines = ["| class | test rows | recall | precision |", "|---|---|---|---|"]
    for class_id, label in enumerate(labels):
        hits = int(((predicted == class_id) & (targets == class_id)).sum())
        actual, guessed = int((targets == class_id).sum()), int((predicted == class_id).sum())
        recall, precision = ratio(hits, actual), ratio(hits, guessed)
        lines.append(f"| {label} | {actual:,} | {recall} | {precision} |")
    return lines


def ratio(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def limits(stage: Evaluation) -> list[str]:
    """What is known to bound the use of the model."""
    info = loader.task_info(stage.task)
    row = compare(stage.task, stage.dataset, info.primary_metric, stage.metrics)
    lines = [
        "- The scores hold for data like this test split; other sources, languages or years were "
        "not measured, nor was fairness between groups of persons.",
        *(
            f"- `{name}`: {field.unit or field.dtype} of shape {list(field.shape)}; what is longer "
            "is cut, what is shorter is padded."
            for name, field in stage.spec.inputs.items()
            if field.padded
        ),
    ]
    baseline = f"the {row['baseline_name']} baseline"
    if row["verdict"] == "worse":
        lines.append(f"- It is worse than {baseline} ({info.primary_metric}): prefer that one.")
    elif row["verdict"] == "even":
        lines.append(f"- It is no better than {baseline}: a tie on {info.primary_metric}.")
    return lines


def signature(contract: Mapping) -> list[str]:
    """A row for each input and output of the default signature."""
    lines = ["| | name | dtype | shape | unit |", "|---|---|---|---|---|"]
    for side, tensors in contract["signatures"]["serving_default"].items():
        lines += [
            f"| {side.removesuffix('s')} | {name} | {tensor['dtype']} | {tensor['shape']} "
            f"| {tensor.get('unit') or tensor.get('kind') or ''} |"
            for name, tensor in tensors.items()
        ]
    return lines


def calls(key: str, name: str, golden: Mapping) -> list[str]:
    """Python and REST, and the first golden row with its answer."""
    inputs = ", ".join(sorted(golden["inputs"]))
    return [
        "```python",
        "import mlflow",
        f'model = mlflow.pyfunc.load_model("models:/{name}@champion")  # or models:/{name}/VERSION',
        f"model.predict(rows)  # a list, or a dict with {inputs}",
        "```",
        "",
        f"With `make serve`: `POST http://127.0.0.1:8501/v1/models/{key}:predict` with "
        '`{"instances": [...]}`. An example and its answer:',
        "",
        "```",
        *(
            f"{side.removesuffix('s')} {field} = {shortened(rows[0])}"
            for side in ("inputs", "outputs")
            for field, rows in golden[side].items()
        ),
        "```",
    ]


def shortened(value) -> str:
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= MAX_EXAMPLE_CHARACTERS:
        return text
    return f"{text[:MAX_EXAMPLE_CHARACTERS]} ..."
