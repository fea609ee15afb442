"""What MLflow shows of an evaluated run, as files: metrics, a description, a table of all scores.

They lie beside the scores in data/metrics/<experiment>/scores, and MLflow is filled from them, by
`evaluate` and wherever a run is rebuilt.
"""

from collections.abc import Mapping
from pathlib import Path

from pipelines.config import loader
from pipelines.config.file_names import SUMMARY, TRACKED
from pipelines.evaluation import reported
from pipelines.evaluation.comparison import compare, interval, number
from pipelines.evaluation.context import Evaluation
from pipelines.preparation.data_report import findings
from pipelines.storage import trials

BOUNDS = ("_low", "_high", "_sd")
MAX_FINDINGS = 5


def write(stage: Evaluation, values: Mapping[str, float], folder: Path) -> None:
    """tracked.json, summary.md and, of a whole experiment, table.json and all.json.

    Args:
        values: `group/metric` -> score.
        folder: `scores` or `scores/<trial>`; the figures are in `plots` beside `scores`.
    """
    trials.write_json(folder / TRACKED, reported.tracked(stage.task, values))
    whole = folder.name == "scores"
    plots = folder.parent / "plots" if whole else folder.parents[1] / "plots" / folder.name
    (folder / SUMMARY).write_text(summary(stage, values, plots), "utf-8")
    if whole:
        trials.write_json(folder / "all.json", values)
        trials.write_json(folder / "table.json", table(values))


def experiment(task: str, values: Mapping[str, float]) -> dict:
    """What `tracking.describe_experiment` shows of a task."""
    info = loader.task_info(task)
    direction = info.direction(info.primary_metric)
    primary = f"test/{info.primary_metric}"
    strong = info.strong_baseline
    metrics = [info.primary_metric, *reported.reported_metrics(task, values)]
    return {
        "primary": primary,
        "higher": direction == "higher",
        "columns": [
            primary,
            f"{strong}/{info.primary_metric}",
            f"difference/{info.primary_metric}",
            *(f"test/{metric}" for metric in dict.fromkeys(metrics)),
        ],
        "note": (
            f"{info.title}, best {primary} first ({direction} is better): [leaderboard]({{view}}). "
            "A run's page links its figures, data report, models and predictions."
        ),
    }


def summary(stage: Evaluation, values: Mapping[str, float], plots: Path) -> str:
    """The description of a run, Markdown; `{run}` is replaced by the address of its page."""
    block = stage.params.experiments[stage.key]
    title = loader.task_info(stage.task).title
    dataset = stage.dataset
    lines = [
        f"{title}: `{block.module}.{block.build['builder']}` on the data set `{dataset}` "
        "([report]({run}/artifacts/data_report/report.txt)). " + figure_line(plots),
        "",
        *score_lines(stage.task, dataset, values),
        "",
        "Scores of the test split with 95 % intervals; [all scores]({run}/artifacts/scores), "
        "[models, histories, decision rules]({run}/artifacts/trained), "
        "[signature and golden answers]({run}/artifacts/exported).",
        "",
        *data_lines(stage.prepared),
    ]
    return "\n".join(lines) + "\n"


def score_lines(task: str, dataset: str, values: Mapping[str, float]) -> list[str]:
    """A Markdown table: a row for each reported metric, beside the baselines."""
    header = ("metric", "model", "strong baseline", "difference", "trivial baseline")
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    for metric in reported.reported_metrics(task, values):
        row = compare(task, dataset, metric, values)
        cells = (
            metric,
            interval(row, "mean"),
            f"{interval(row, 'baseline')} {row['baseline_name']}",
            f"{interval(row, 'difference', '+')} {row['verdict']}".rstrip(),
            f"{number(row['trivial'])} {row['trivial_name']}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def data_lines(prepared: Path) -> list[str]:
    """What may hurt in the data, as the data report has it."""
    warnings = [finding for finding in findings.read(prepared) if finding.severity != "info"]
    lines = [
        f"- {finding.code}: {findings.shorten(finding.message, 200)}"
        for finding in warnings[:MAX_FINDINGS]
    ]
    if not lines:
        return ["The data report has nothing that may hurt."]
    return [f"What may hurt in the data ({len(warnings)} in the data report):", "", *lines]


def figure_line(plots: Path) -> str:
    """Links to the figures, those of the first trial where there are several."""
    folder = "plots" if plots.name == "plots" else f"plots/{plots.name}"
    by_name: dict[str, str] = {}
    for path in sorted(plots.rglob("*.png")):
        by_name.setdefault(path.stem, f"{folder}/{path.relative_to(plots).as_posix()}")
    links = (
        f"[{name.replace('_', ' ')}]({{run}}/artifacts/{path})" for name, path in by_name.items()
    )
    return f"Figures: {', '.join(links)}"


def table(values: Mapping[str, float]) -> dict:
    """All scores as MLflow's page shows tables: a row for each group and metric."""
    suffixes = ("", *BOUNDS)
    rows = [
        [*name.split("/", 1), *(rounded(values.get(f"{name}{suffix}")) for suffix in suffixes)]
        for name in values
        if not reported.is_bound(name)
    ]
    columns = ["group", "metric", "score", *(bound.removeprefix("_") for bound in BOUNDS)]
    return {"columns": columns, "data": rows}


def rounded(value: float | None) -> float | None:
    """To six significant digits, which the page's columns have room for."""
    return None if value is None else float(f"{value:.6g}")
