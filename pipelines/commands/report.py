"""The results table, from metrics files and run records alone."""

import fnmatch
import hashlib
import json
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines.config import loader

TRAINED, METRICS = Path("data/trained"), Path("data/metrics")
MAX_COLUMNS_PER_METRIC = 3  # of forecasts: seven columns' errors would hide the other metrics
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
    params = loader.load(params_file)
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


def reported_metrics(task: str, metrics: Iterable[str]) -> list[str]:
    """The metrics of the task's results table, of those that exist.

    Args:
        task: its module `reporting` has names and patterns. A pattern such as mae_* leaves the unit
            to the data; where many columns have a unit each, they are in the metrics file alone.
        metrics: names such as test/mae_degC.
    """
    names = [name.removeprefix("test/") for name in metrics if name.startswith("test/")]
    points = [name for name in names if not name.endswith(("_low", "_high", "_sd"))]
    patterns = loader.task_module(task, "reporting").REPORTED_METRICS
    matches = [fnmatch.filter(points, pattern) for pattern in patterns]
    return [name for names in matches if len(names) <= MAX_COLUMNS_PER_METRIC for name in names]


def row(key: str, experiment, dataset: str, metric: str, values: dict, run: dict) -> dict:
    info = loader.task_info(experiment.task)
    strong = info.strong_baseline
    trivial = loader.task_module(experiment.task, "reporting").TRIVIAL_BASELINE
    fits = [json.loads(path.read_text("utf-8")) for path in (TRAINED / key).glob("*/run.json")]
    fits = fits or [run]
    return {
        "experiment": key,
        "task": experiment.task,
        "dataset": dataset,
        "method": f"{experiment.module}.{experiment.build['builder']}",
        "metric": metric,
        "mean": values[f"test/{metric}"],
        **bounds("", values, f"test/{metric}"),
        "verdict": verdict(values, metric, info.direction(metric)),
        "seeds": json.loads(run["params"]["seeds"]),
        "fits": len(fits),
        "baseline": values.get(f"{strong}/{metric}"),
        **bounds("baseline_", values, f"{strong}/{metric}"),
        "baseline_name": name_of_best(values, strong, metric).removeprefix("baseline_"),
        "difference": values.get(f"difference/{metric}"),
        **bounds("difference_", values, f"difference/{metric}"),
        "trivial": values.get(f"{trivial}/{metric}"),
        "trivial_name": trivial.removeprefix("baseline_"),
        "params": int(fits[0]["tags"]["parameters"]),
        "seconds": statistics.mean(float(fit["tags"]["fit_seconds"]) for fit in fits),
        "run_ids": list(dict.fromkeys([run["run_id"], *sorted(fit["run_id"] for fit in fits)])),
        "backend": run["tags"]["backend"],
        "machine": run["tags"].get("machine", "an unnamed machine"),
        "git_commit": run["tags"].get("git_commit"),
        "data_digest": run["tags"].get("data_digest"),
        "metrics_md5": hashlib.md5((METRICS / f"{key}.json").read_bytes()).hexdigest(),
    }


def bounds(prefix: str, values: dict, name: str) -> dict:
    """The interval's ends, and the standard deviation over trials where there are several."""
    return {f"{prefix}{bound}": values.get(f"{name}_{bound}") for bound in ("low", "high", "sd")}


def verdict(values: dict, metric: str, direction: str) -> str:
    """The model compared with the strong baseline; "" without an interval.

    "even" (a tie): the interval of the difference includes 0.
    """
    low, high = (values.get(f"difference/{metric}_{bound}") for bound in ("low", "high"))
    if low is None or high is None:
        return ""
    if low <= 0 <= high:
        return "even"
    return "better" if (low > 0) == (direction == "higher") else "worse"


def name_of_best(values: dict, strong: str, metric: str) -> str:
    """The method behind `baseline_best`, or the strong baseline itself."""
    groups = dict.fromkeys(name.split("/")[0] for name in values if name.startswith("baseline_"))
    score = values.get(f"{strong}/{metric}")
    same = [
        group for group in groups if group != strong and values.get(f"{group}/{metric}") == score
    ]
    return same[0] if same and score is not None else strong


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


def interval(row: dict, group: str, sign: str = "") -> str:
    prefix = "" if group == "mean" else f"{group}_"
    low, high, spread = (row[f"{prefix}{bound}"] for bound in ("low", "high", "sd"))
    text = number(row[group], sign)
    if low is not None:
        text += f" [{number(low, sign)}, {number(high, sign)}]"
    return text if spread is None else f"{text} sd {number(spread)}"


def number(value: float | None, sign: str = "") -> str:
    """Four decimals up to 1, two of a percentage or a larger quantity."""
    return "-" if value is None else f"{value:{sign}.{4 if abs(value) <= 1 else 2}f}"


def aligned(lines: list[tuple[str, ...]]) -> str:
    """A table for a terminal."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
