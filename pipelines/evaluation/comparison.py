"""A score beside its baselines, as numbers and as text: for the results table and for MLflow."""

from collections.abc import Mapping

from pipelines.config import loader
from pipelines.evaluation import baseline_files


def compare(task: str, dataset: str, metric: str, values: Mapping[str, float]) -> dict:
    """A metric of the test split, its strong and trivial baseline, difference and verdict.

    Args:
        task, dataset: whose baselines they are.
        metric: without its group: accuracy.
        values: `group/metric` -> score, as in the metrics file of an experiment or of a trial.
    """
    info = loader.task_info(task)
    strong = info.strong_baseline
    trivial = loader.task_module(task, "reporting").TRIVIAL_BASELINE
    return {
        "metric": metric,
        "mean": values[f"test/{metric}"],
        **bounds("", values, f"test/{metric}"),
        "verdict": verdict(values, metric, info.direction(metric)),
        "baseline": values.get(f"{strong}/{metric}"),
        **bounds("baseline_", values, f"{strong}/{metric}"),
        "baseline_name": baseline_files.selected(task, dataset, strong).removeprefix("baseline_"),
        "difference": values.get(f"difference/{metric}"),
        **bounds("difference_", values, f"difference/{metric}"),
        "trivial": values.get(f"{trivial}/{metric}"),
        "trivial_name": trivial.removeprefix("baseline_"),
    }


def bounds(prefix: str, values: Mapping[str, float], name: str) -> dict:
    """The interval's ends, and the standard deviation over trials where there are several."""
    return {f"{prefix}{bound}": values.get(f"{name}_{bound}") for bound in ("low", "high", "sd")}


def verdict(values: Mapping[str, float], metric: str, direction: str) -> str:
    """The model compared with the strong baseline; "" without an interval.

    "even" (a tie): the interval of the difference includes 0.
    """
    low, high = (values.get(f"difference/{metric}_{bound}") for bound in ("low", "high"))
    if low is None or high is None:
        return ""
    if low <= 0 <= high:
        return "even"
    return "better" if (low > 0) == (direction == "higher") else "worse"


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
