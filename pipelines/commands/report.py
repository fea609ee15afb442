"""The results table, from metrics files and run records alone."""

import hashlib
import json
import shutil
import statistics
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines.config import loader
from pipelines.evaluation import comparison
from pipelines.evaluation.comparison import interval, number
from pipelines.evaluation.reported import reported_metrics
from pipelines.preparation.data_report import findings

TRAINED, METRICS, PREPARED = Path("data/trained"), Path("data/metrics"), Path("data/prepared")
MAX_FOOTNOTE = 160  # characters of a finding
HEADER = (
    "experiment", "metric", "model", "strong baseline", "difference", "trivial baseline",
    "parameters", "fit s", "run", "commit",
)  # fmt: skip
NARROW_HEADER = HEADER[:5]


def run(params_file: Path) -> None:
    """Prints one table of every experiment that has been evaluated."""
    results = rows(params_file)
    if results:
        # A file or a pipe, which has no width, gets all columns.
        print(fitted(results, shutil.get_terminal_size((sys.maxsize, 1)).columns))
        if notes := footnotes(results):
            print("\nWhat may hurt in the data:", *notes, sep="\n")
    else:
        print(f"{params_file}: no experiment has been evaluated yet; run dvc repro")


def rows(params_file: Path, more_metrics: Mapping[str, Iterable[str]] | None = None) -> list[dict]:
    """One row for each experiment and reported metric, with everything that pages show.

    Args:
        params_file: whose experiments are reported, those that have been evaluated.
        more_metrics: data set -> further metrics, such as those that others have published.
    """
    more_metrics = more_metrics or {}
    params, _ = loader.inspect(params_file)  # `check` says what is wrong with the others
    results = []
    for key, experiment in params.experiments.items():
        record, metrics = TRAINED / key / "run.json", METRICS / f"{key}.json"
        if record.is_file() and metrics.is_file():
            run = json.loads(record.read_text("utf-8"))
            values = json.loads(metrics.read_text("utf-8"))
            dataset = params.dataset_of(key)
            more = more_metrics.get(dataset, ())
            metrics = dict.fromkeys((*reported_metrics(experiment.task, values), *more))
            results += [
                row(key, experiment, dataset, metric, values, run)
                for metric in metrics
                if f"test/{metric}" in values
            ]
    return results


def row(key: str, experiment, dataset: str, metric: str, values: dict, run: dict) -> dict:
    fits = [json.loads(path.read_text("utf-8")) for path in (TRAINED / key).glob("*/run.json")]
    fits = fits or [run]
    return {
        "experiment": key,
        "task": experiment.task,
        "dataset": dataset,
        "method": f"{experiment.module}.{experiment.build['builder']}",
        **comparison.compare(experiment.task, dataset, metric, values),
        "seeds": json.loads(run["params"]["seeds"]),
        "fits": len(fits),
        "params": int(fits[0]["tags"]["parameters"]),
        "seconds": statistics.mean(float(fit["tags"]["fit_seconds"]) for fit in fits),
        "run_ids": list(dict.fromkeys([run["run_id"], *sorted(fit["run_id"] for fit in fits)])),
        "backend": run["tags"]["backend"],
        "machine": run["tags"].get("machine", "an unnamed machine"),
        "git_commit": run["tags"].get("git_commit"),
        "data_digest": run["tags"].get("data_digest"),
        "findings": in_data(dataset),
        "metrics_md5": hashlib.md5((METRICS / f"{key}.json").read_bytes()).hexdigest(),
    }


def in_data(dataset: str) -> list[str]:
    """What may hurt in a data set, as its data report has it."""
    report = findings.read(PREPARED / dataset)
    return [f"{entry.code}: {entry.message}" for entry in report if entry.severity != "info"]


def footnotes(results: list[dict]) -> list[str]:
    """What may hurt in the data behind the rows: a line for each finding."""
    by_dataset = {row["dataset"]: row.get("findings", ()) for row in results}
    return [
        f"{dataset}: {findings.shorten(finding, MAX_FOOTNOTE)}"
        for dataset, entries in by_dataset.items()
        for finding in entries
    ]


def fitted(results: list[dict], width: int) -> str:
    """The table with the most columns that fit `width` characters."""
    tables = [table(results)]
    tables += [
        [NARROW_HEADER, *(narrow_cells(row, bounds) for row in results)] for bounds in (3, 1, 0)
    ]
    texts = [aligned(lines) for lines in tables]
    fitting = (text for text in texts if max(map(len, text.splitlines())) <= width)
    text = next(fitting, texts[-1])
    if text == texts[0]:
        return text
    return f"{text}\n\nall columns: python -m pipelines report | cat"


def narrow_cells(row: dict, bounds: int) -> tuple[str, ...]:
    """The cells of NARROW_HEADER; the first `bounds` of its three scores with their intervals."""
    groups = (("mean", ""), ("baseline", ""), ("difference", "+"))
    model, baseline, difference = (
        interval(row, group, sign) if position < bounds else number(row[group], sign)
        for position, (group, sign) in enumerate(groups)
    )
    return (
        row["experiment"],
        row["metric"],
        model,
        f"{baseline} {row['baseline_name']}",
        f"{difference} {row['verdict']}".rstrip(),
    )


def table(results: list[dict]) -> list[tuple[str, ...]]:
    """Rows as text. Brackets are 95 % intervals over test rows; sd is over trials."""
    return [HEADER, *map(cells, results)]


def cells(row: dict) -> tuple[str, ...]:
    return (
        row["experiment"],
        row["metric"],
        interval(row, "mean"),
        f"{interval(row, 'baseline')} {row['baseline_name']}",
        f"{interval(row, 'difference', '+')} {row['verdict']}".rstrip(),
        f"{number(row['trivial'])} {row['trivial_name']}",
        f"{row['params']:,}",
        f"{row['seconds']:.0f}",
        f"`{row['run_ids'][0][:8]}`",
        f"`{row['git_commit'][:7]}`" if row["git_commit"] else "-",
    )


def aligned(lines: list[tuple[str, ...]]) -> str:
    """A table for a terminal."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
