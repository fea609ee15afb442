"""The results table, from metrics files and run records alone."""

import hashlib
import json
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines.config import loader
from pipelines.evaluation import comparison
from pipelines.evaluation.comparison import interval, number
from pipelines.evaluation.reported import reported_metrics

TRAINED, METRICS = Path("data/trained"), Path("data/metrics")
HEADER = (
    "experiment", "metric", "model", "strong baseline", "difference", "trivial baseline",
    "parameters", "fit s", "run", "commit",
)  # fmt: skip


def run(params_file: Path) -> None:
    """Prints one table of every experiment that has been evaluated."""
    results = rows(params_file)
    if results:
        print(aligned(table(results)))
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
        "metrics_md5": hashlib.md5((METRICS / f"{key}.json").read_bytes()).hexdigest(),
    }


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
