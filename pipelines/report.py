"""The results table, from metrics files and run records only."""

import json
import statistics
from pathlib import Path

from pipelines import config

TRAINED, METRICS = Path("data/trained"), Path("data/metrics")
HEADER = (
    "experiment", "data", "metric", "model", "strong baseline", "difference", "trivial",
    "parameters", "fit s", "run",
)  # fmt: skip


def run(params_file: Path) -> None:
    """Prints one table of every experiment that has been evaluated."""
    print(aligned(table(rows(params_file))))


def rows(params_file: Path) -> list[dict]:
    """One row an experiment and headline metric, with everything that is worth keeping."""
    params = config.load(params_file)
    found = []
    for key, experiment in params.experiments.items():
        record, metrics = TRAINED / key / "run.json", METRICS / f"{key}.json"
        if record.is_file() and metrics.is_file():
            about = json.loads(record.read_text("utf-8"))
            values = json.loads(metrics.read_text("utf-8"))
            task = config.task(experiment.task)
            found += [row(key, experiment, task, metric, values, about) for metric in task.HEADLINE]
    return found


def row(key: str, experiment, task, metric: str, values: dict, about: dict) -> dict:
    fits = [json.loads(path.read_text("utf-8")) for path in (TRAINED / key).glob("*/run.json")]
    fits = fits or [about]
    trivial = next(
        name for name in values if name.startswith("baseline_") and not name.startswith(task.STRONG)
    )
    return {
        "experiment": key,
        "task": experiment.task,
        "dataset": experiment.dataset,
        "metric": metric,
        **{
            f"{group}{bound}": values.get(f"{name}/{metric}{bound}")
            for group, name in (
                ("model", "test"), ("strong", task.STRONG),
                ("difference", "difference"), ("trivial", trivial.split("/")[0]),
            )
            for bound in ("", "_low", "_high", "_sd")
        },
        "replicates": len(fits),
        "strong_name": task.STRONG.removeprefix("baseline_"),
        "parameters": int(fits[0]["tags"]["parameters"]),
        "fit_seconds": statistics.mean(float(fit["tags"]["fit_seconds"]) for fit in fits),
        "run_id": about["run_id"],
        "run_ids": [fit["run_id"] for fit in fits],
    }  # fmt: skip


def table(found: list[dict]) -> list[tuple[str, ...]]:
    """Rows as text. Brackets hold 95 % intervals; sd is over replicates."""
    body = [
        (
            row["experiment"], row["dataset"], row["metric"],
            interval(row, "model"), interval(row, "strong"), interval(row, "difference", "+"),
            number(row["trivial"]), f"{row['parameters']:,}", f"{row['fit_seconds']:.0f}",
            row["run_id"][:8],
        )
        for row in found
    ]  # fmt: skip
    return [HEADER, *body]


def interval(row: dict, group: str, sign: str = "") -> str:
    low, high, spread = (row[f"{group}{bound}"] for bound in ("_low", "_high", "_sd"))
    text = f"{number(row[group], sign)} [{number(low, sign)}, {number(high, sign)}]"
    return text if spread is None else f"{text} sd {number(spread)}"


def number(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.4f}"


def aligned(lines: list[tuple[str, ...]]) -> str:
    """A table for a terminal."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def markdown(lines: list[tuple[str, ...]]) -> str:
    """The same table for a page."""
    head, *body = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, "|" + "---|" * len(lines[0]), *body])
