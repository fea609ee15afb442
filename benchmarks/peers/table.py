"""From what the programs measured to medians, ratios and a table."""

import math
from statistics import median

from pipelines.commands.results import markdown

OURS = "ours"
PROGRAMS = {
    "ours": "ours",
    "plain_keras": "Keras, a bare `fit`",
    "pytorch": "PyTorch, eager",
    "keras_example": "the network of keras.io's example",
    "scikit": "scikit-learn",
}


def summary(run: dict, case: dict) -> dict:
    """The summary of one run. The first epoch compiles: it counts in the time to the goal only."""
    summary = {"parameters": run["parameters"]}
    if len(run["trained_s"]) > 1:
        summary["examples_per_s"] = run["rows"] / median(run["trained_s"][1:])
        summary["cpu_ms_per_example"] = 1e3 * median(run["trained_cpu_s"][1:]) / run["rows"]
    if case.get("goal") is None:
        summary["first_s"] = run["ended_s"][0]
    else:
        summary["best"] = max(run["quality"])
        summary["epochs"] = len(run["quality"])
        summary["seconds_to_goal"] = next(
            (
                ended
                for ended, quality in zip(run["ended_s"], run["quality"], strict=True)
                if quality >= case["goal"]
            ),
            None,
        )
    return summary


def middle(runs: list[dict], name: str) -> float | None:
    """The median; infinite if most runs never reached the goal, None if it is not measured."""
    return median(values(runs, name)) if name in runs[0] else None


def ratio(runs: list[dict], ours: list[dict], name: str) -> float | None:
    """How much faster than ours, above 1 for faster: the median over rounds, in each of which both
    ran side by side. A run that never reached the goal counts as infinite; None if neither reached
    it. A program that gives the same every time may have fewer rounds."""
    if name not in runs[0]:
        return None
    pairs = list(zip(values(runs, name), values(ours, name), strict=False))
    if name != "examples_per_s":
        pairs = [(ours_s, theirs_s) for theirs_s, ours_s in pairs]
    if any(math.isinf(theirs) and math.isinf(ours) for theirs, ours in pairs):
        return None
    return median(theirs / ours for theirs, ours in pairs)


def values(runs: list[dict], name: str) -> list[float]:
    return [math.inf if run[name] is None else run[name] for run in runs]


def render(values: dict) -> str:
    parts = []
    for case in values["cases"].values():
        parts += [f"**{case['about']}**", "", markdown(lines(case)), ""]
    hardware = values["machine"]
    parts.append(
        f"Medians of {values['runs']} runs, each in a separate process; the programs take turns; "
        f"{values['threads']} threads. Ratios are to ours, above 1 for faster. Examples/s: "
        "training alone, without the first epoch. Seconds to an accuracy on validation rows, or of "
        "the first epoch: from before the model is built, compiling and validating included, to "
        "the end of the epoch. Measured "
        f"{hardware['date']} on {hardware['cores']} cores of {hardware['processor']}."
    )
    return "\n".join(parts)


def lines(case: dict) -> list[tuple[str, ...]]:
    goal = case["goal"]
    head = ("program", "parameters", "examples/s", "to ours")
    last = "first_s" if goal is None else "seconds_to_goal"
    head += ("first epoch, s" if goal is None else f"s to {100 * goal:.1f} %", "to ours")
    rows = [head]
    for program, runs in case["programs"].items():
        first = (case["abouts"][program], f"{runs[0]['parameters']:,}")
        row = (*first, *pair(case, program, "examples_per_s"), *pair(case, program, last))
        rows.append(row)
    return rows


def pair(case: dict, program: str, name: str) -> tuple[str, str]:
    """The cells of a median and of its ratio to ours."""
    runs, ours = case["programs"][program], case["programs"][OURS]
    value, relation = middle(runs, name), ratio(runs, ours, name)
    if value is None:
        return "", ""
    if math.isinf(value):
        best = median(run["best"] for run in runs)
        return f"not reached ({100 * best:.1f} %)", ""
    shown = f"{value:.0f}" if value >= 100 else f"{value:.1f}"
    return shown, "" if relation is None or program == OURS else f"{relation:.2f}"
