"""The results table, from metrics files and run records only."""

import hashlib
import json
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines.config import loader
from pipelines.tasks.contract import better, headline

TRAINED, METRICS = Path("data/trained"), Path("data/metrics")
HEADER = (
    "experiment", "metric", "model", "strong baseline", "difference", "trivial baseline",
    "parameters", "fit s", "run", "commit",
)  # fmt: skip


def run(params_file: Path) -> None:
    """Prints one table of every experiment that has been evaluated."""
    found = rows(params_file)
    print(
        aligned(table(found)) if found else f"{params_file}: nothing evaluated yet; run dvc repro"
    )


def rows(params_file: Path, more_metrics: Mapping[str, Iterable[str]] | None = None) -> list[dict]:
    """One row an experiment and headline metric, with everything that is worth keeping.

    more_metrics: by data set, which others to give."""
    more_metrics = more_metrics or {}
    params = loader.load(params_file)
    found = []
    for key, experiment in params.experiments.items():
        record, metrics = TRAINED / key / "run.json", METRICS / f"{key}.json"
        if record.is_file() and metrics.is_file():
            about = json.loads(record.read_text("utf-8"))
            values = json.loads(metrics.read_text("utf-8"))
            dataset = params.dataset_of(key)
            more = more_metrics.get(dataset, ())
            wanted = dict.fromkeys((*headline(experiment.task, values), *more))
            found += [
                row(key, experiment, dataset, metric, values, about)
                for metric in wanted
                if f"test/{metric}" in values
            ]
    return found


def row(key: str, experiment, dataset: str, metric: str, values: dict, about: dict) -> dict:
    strong = loader.task(experiment.task).STRONG
    least = trivial(values, strong)
    fits = [json.loads(path.read_text("utf-8")) for path in (TRAINED / key).glob("*/run.json")]
    fits = fits or [about]
    return {
        "experiment": key,
        "task": experiment.task,
        "dataset": dataset,
        "method": f"{experiment.module}.{experiment.build['builder']}",
        "metric": metric,
        "mean": values[f"test/{metric}"],
        **bounds("", values, f"test/{metric}"),
        "verdict": verdict(values, metric, better(experiment.task, metric)),
        "seeds": json.loads(about["params"]["seeds"]),
        "fits": len(fits),
        "baseline": values.get(f"{strong}/{metric}"),
        **bounds("baseline_", values, f"{strong}/{metric}"),
        "baseline_name": named(values, strong, metric).removeprefix("baseline_"),
        "difference": values.get(f"difference/{metric}"),
        **bounds("difference_", values, f"difference/{metric}"),
        "trivial": values.get(f"{least}/{metric}"),
        "trivial_name": least.removeprefix("baseline_"),
        "params": int(fits[0]["tags"]["parameters"]),
        "seconds": statistics.mean(float(fit["tags"]["fit_seconds"]) for fit in fits),
        "run_ids": list(dict.fromkeys([about["run_id"], *sorted(fit["run_id"] for fit in fits)])),
        "backend": about["tags"]["backend"],
        "machine": about["tags"].get("machine", "an unnamed machine"),
        "git_commit": about["tags"].get("git_commit"),
        "data_digest": about["tags"].get("data_digest"),
        "metrics_md5": hashlib.md5((METRICS / f"{key}.json").read_bytes()).hexdigest(),
    }


def bounds(prefix: str, values: dict, name: str) -> dict:
    """The interval's ends, and the standard deviation over trials where there are several."""
    return {f"{prefix}{bound}": values.get(f"{name}_{bound}") for bound in ("low", "high", "sd")}


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
    """Rows as text. Brackets hold 95 % intervals over test rows; sd is over trials."""
    return [HEADER, *map(cells, found)]


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


def interval(row: dict, group: str, sign: str = "") -> str:
    prefix = "" if group == "mean" else f"{group}_"
    low, high, spread = (row[f"{prefix}{bound}"] for bound in ("low", "high", "sd"))
    text = number(row[group], sign)
    if low is not None:
        text += f" [{number(low, sign)}, {number(high, sign)}]"
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
