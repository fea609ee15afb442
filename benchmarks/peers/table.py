"""From what the programs measured to medians, ratios and a table."""

import math
from statistics import median

from pipelines.commands.results import markdown

OURS = "ours"
ABOUT = {
    "ours": "ours",
    "plain_keras": "Keras, a bare `fit`",
    "pytorch": "PyTorch, eager",
    "keras_example": "the network of keras.io's example",
    "scikit": "scikit-learn",
}


def summary(run: dict, case: dict) -> dict:
    """Of one run. The first epoch compiles, so it counts in the time to the goal alone."""
    found = {"parameters": run["parameters"]}
    if len(run["trained_s"]) > 1:
        found["examples_per_s"] = run["rows"] / median(run["trained_s"][1:])
        found["cpu_ms_per_example"] = 1e3 * median(run["trained_cpu_s"][1:]) / run["rows"]
    if case.get("goal") is None:
        found["first_s"] = run["ended_s"][0]
    else:
        found["best"] = max(run["quality"])
        found["epochs"] = len(run["quality"])
        found["seconds_to_goal"] = next(
            (
                ended
                for ended, quality in zip(run["ended_s"], run["quality"], strict=True)
                if quality >= case["goal"]
            ),
            None,
        )
    return found


def middle(runs: list[dict], name: str) -> float | None:
    """The median; infinite where most runs never came there, None where it is not measured."""
    return median(values(runs, name)) if name in runs[0] else None


def ratio(runs: list[dict], ours: list[dict], name: str) -> float | None:
    """How much faster than ours, above 1 for faster: the median over rounds, in each of which both
    ran side by side. A run that never came there took for ever; None where neither did. A program
    that gives the same every time may have fewer rounds."""
    if name not in runs[0]:
        return None
    pairs = list(zip(values(runs, name), values(ours, name), strict=False))
    if name != "examples_per_s":
        pairs = [(own, theirs) for theirs, own in pairs]
    if any(math.isinf(theirs) and math.isinf(own) for theirs, own in pairs):
        return None
    return median(theirs / own for theirs, own in pairs)


def values(runs: list[dict], name: str) -> list[float]:
    return [math.inf if run[name] is None else run[name] for run in runs]


def render(found: dict) -> str:
    parts = []
    for case in found["cases"].values():
        parts += [f"**{case['about']}**", "", markdown(lines(case)), ""]
    about = found["machine"]
    parts.append(
        f"Medians of {found['runs']} runs, each in a process of its own, programs by turns; "
        f"{found['threads']} threads. Ratios are to ours, above 1 for faster. Examples/s: "
        "training alone, without the first epoch. Seconds to an accuracy on validation rows, or of "
        "the first epoch: from before the model is built, compiling and validating included, to "
        "the end of the epoch. Measured "
        f"{about['date']} on {about['cores']} cores of {about['processor']}."
    )
    return "\n".join(parts)


def lines(case: dict) -> list[tuple[str, ...]]:
    goal = case["goal"]
    head = ("program", "parameters", "examples/s", "to ours")
    last = "first_s" if goal is None else "seconds_to_goal"
    head += ("first epoch, s" if goal is None else f"s to {100 * goal:.1f} %", "to ours")
    rows = [head]
    for program, runs in case["programs"].items():
        about = (case["abouts"][program], f"{runs[0]['parameters']:,}")
        row = (*about, *pair(case, program, "examples_per_s"), *pair(case, program, last))
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
