"""Targets of the benchmarks (benchmarks/targets.yaml) compared with the results.

A target is met by the mean over its experiments, within its limits of parameters and training
seconds.
"""

import statistics
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, Field, model_validator

from pipelines.config.schema import STRICT, Count, Positive

FILE = Path("benchmarks/targets.yaml")


class Target(BaseModel):
    """experiments: one, or several whose mean counts, such as four horizons."""

    model_config = STRICT
    name: str
    experiments: Annotated[list[str], Field(min_length=1)]
    metric: str
    at_least: float | None = None
    at_most: float | None = None
    params_at_most: Count | None = None
    seconds_at_most: Positive | None = None
    beside: str

    @model_validator(mode="after")
    def _has_a_bound(self):
        if self.at_least is None and self.at_most is None:
            raise ValueError("at_least or at_most is missing")
        return self


def compare(rows: list[dict]) -> list[dict]:
    """Every target whose experiments have all been run, with their results."""
    results = []
    for values in yaml.safe_load(FILE.read_text("utf-8")):
        target = Target.model_validate(values)
        matching = [
            row
            for row in rows
            if row["experiment"] in target.experiments and row["metric"] == target.metric
        ]
        if len(matching) == len(target.experiments):
            results.append(result(target, matching))
    return results


def result(target: Target, rows: list[dict]) -> dict:
    value = statistics.mean(row["mean"] for row in rows)
    params, seconds = (max(row[name] for row in rows) for name in ("params", "seconds"))
    missed = []
    if target.at_least is not None and value < target.at_least:
        missed.append(f"by {target.at_least - value:.4g}")
    if target.at_most is not None and value > target.at_most:
        missed.append(f"by {value - target.at_most:.4g}")
    if target.params_at_most is not None and params > target.params_at_most:
        missed.append(f"{params - target.params_at_most:,} parameters too many")
    if target.seconds_at_most is not None and seconds > target.seconds_at_most:
        missed.append(f"{seconds - target.seconds_at_most:.0f} s too long")
    return {
        **target.model_dump(),
        "value": value,
        "params": params,
        "seconds": seconds,
        "fits": min(row["fits"] for row in rows),
        "missed": missed,
    }


def table(results: list[dict]) -> list[tuple[str, ...]]:
    lines = [("target", "wanted", "reached", "beside")]
    for target in results:
        bounds = [
            f"{target['metric']} {sign} {target[name]:g}" for name, sign in BOUNDS if target[name]
        ]
        bounds += [f"{target[name]:,} {unit}" for name, unit in LIMITS if target[name]]
        verdict = f"missed: {', '.join(target['missed'])}" if target["missed"] else "met"
        values = (
            f"{target['value']:.4f}, {target['params']:,} parameters, {target['seconds']:.0f} s"
        )
        lines.append((target["name"], ", ".join(bounds), f"{values}: {verdict}", target["beside"]))
    return lines


BOUNDS = (("at_least", "≥"), ("at_most", "≤"))
LIMITS = (("params_at_most", "parameters at most"), ("seconds_at_most", "s at most"))
