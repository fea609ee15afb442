"""The results table, from metrics files and run records only."""

import json
import statistics
from collections.abc import Iterable
from pathlib import Path

from pipelines import config
from pipelines.evaluation import better, headline

TRAINED, METRICS = Path("data/trained"), Path("data/metrics")
HEADER = (
    "experiment", "metric", "model", "strong baseline", "difference", "trivial baseline",
    "parameters", "fit s", "run",
)  # fmt: skip


def run(params_file: Path) -> None:
    """Prints one table of every experiment that has been evaluated."""
    found = rows(params_file)
    print(
        aligned(table(found)) if found else f"{params_file}: nothing evaluated yet; run dvc repro"
    )


def rows(params_file: Path, more_metrics: Iterable[str] = ()) -> list[dict]:
    """One row an experiment and headline metric, with everything that is worth keeping."""
    params = config.load(params_file)
    found = []
    for key, experiment in params.experiments.items():
        record, metrics = TRAINED / key / "run.json", METRICS / f"{key}.json"
        if record.is_file() and metrics.is_file():
            about = json.loads(record.read_text("utf-8"))
            values = json.loads(metrics.read_text("utf-8"))
            wanted = dict.fromkeys((*headline(experiment.task, values), *more_metrics))
            found += [
                row(key, experiment, params.dataset_of(key), metric, values, about)
                for metric in wanted
                if f"test/{metric}" in values
            ]
    return found


def row(key: str, experiment, dataset: str, metric: str, values: dict, about: dict) -> dict:
    task = config.task(experiment.task)
    fits = [json.loads(path.read_text("utf-8")) for path in (TRAINED / key).glob("*/run.json")]
    fits = fits or [about]
    groups = {"model": "test", "strong": task.STRONG, "difference": "difference"}
    groups["trivial"] = trivial(values, task.STRONG)
    return {
        "experiment": key,
        "task": experiment.task,
        "dataset": dataset,
        "metric": metric,
        "verdict": verdict(values, metric, better(experiment.task, metric)),
        **{
            f"{group}{bound}": values.get(f"{name}/{metric}{bound}")
            for group, name in groups.items()
            for bound in ("", "_low", "_high", "_sd")
        },
        "replicates": len(fits),
        "strong_name": named(values, task.STRONG, metric).removeprefix("baseline_"),
        "trivial_name": groups["trivial"].removeprefix("baseline_"),
        "parameters": int(fits[0]["tags"]["parameters"]),
        "fit_seconds": statistics.mean(float(fit["tags"]["fit_seconds"]) for fit in fits),
        "run_id": about["run_id"],
        "replicate_run_ids": sorted(fit["run_id"] for fit in fits),
        "git_commit": about["tags"].get("git_commit"),
        "data_digest": about["tags"].get("data_digest"),
    }


def verdict(values: dict, metric: str, direction: str) -> str:
    """The model beside the strong baseline: even where the interval has both signs, empty where
    there is none."""
    low, high = (values.get(f"difference/{metric}_{bound}") for bound in ("low", "high"))
    if low is None or high is None:
        return ""
    if low <= 0 <= high:
        return "even"
    return "better" if (low > 0) == (direction == "higher") else "worse"


def trivial(values: dict, strong: str) -> str:
    """The first baseline that is not the strong one."""
    groups = (name.split("/")[0] for name in values if name.startswith("baseline_"))
    return next(group for group in groups if group not in (strong, f"{strong}_unseen"))


def named(values: dict, strong: str, metric: str) -> str:
    """Where the strong baseline is the best of several, which one that is."""
    groups = dict.fromkeys(name.split("/")[0] for name in values if name.startswith("baseline_"))
    score = values.get(f"{strong}/{metric}")
    same = [g for g in groups if g != strong and values.get(f"{g}/{metric}") == score]
    return same[0] if same and score is not None else strong


def table(found: list[dict]) -> list[tuple[str, ...]]:
    """Rows as text. Brackets hold 95 % intervals over test rows; sd is over replicates."""
    return [HEADER, *map(cells, found)]


def cells(row: dict) -> tuple[str, ...]:
    return (
        row["experiment"],
        row["metric"],
        interval(row, "model"),
        f"{interval(row, 'strong')} {row['strong_name']}",
        f"{interval(row, 'difference', '+')} {row['verdict']}".rstrip(),
        f"{number(row['trivial'])} {row['trivial_name']}",
        f"{row['parameters']:,}",
        f"{row['fit_seconds']:.0f}",
        f"`{row['run_id'][:8]}`",
    )


def interval(row: dict, group: str, sign: str = "") -> str:
    low, high, spread = (row[f"{group}{bound}"] for bound in ("_low", "_high", "_sd"))
    text = f"{number(row[group], sign)} [{number(low, sign)}, {number(high, sign)}]"
    return text if spread is None else f"{text} sd {number(spread)}"


def number(value: float | None, sign: str = "") -> str:
    """Four digits of a share, two of a percentage or a quantity."""
    return "-" if value is None else f"{value:{sign}.{4 if abs(value) <= 1 else 2}f}"


def aligned(lines: list[tuple[str, ...]]) -> str:
    """A table for a terminal."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
