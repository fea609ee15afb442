"""Windows of a series with a trend and a season, split by time, and of covariates of it."""

import numpy as np

from pipelines.preparation import splits
from pipelines.preprocessing import windows
from pipelines.spec import DataSpec


def splits_of(
    spec: DataSpec, series: np.ndarray | None = None, *, rows: int = 200, level: float = 20.0
) -> dict[str, dict]:
    """Split -> columns, as `prepare` writes them; series: (rows, columns), or one that is made.

    Covariates are 0 or 1; of a made series each adds 3.
    """
    facts = spec.task_metadata
    history, horizon = spec.inputs["history"].shape[0], facts["horizon_steps"]
    if series is None:
        steps = np.arange(rows)[:, None]
        noise = np.random.default_rng(0).standard_normal((rows, len(facts["columns"])))
        cycle = 5 * np.sin(2 * np.pi * steps / max(facts["season_steps"], 2))
        effects = 3 * known_of(spec, rows).sum(axis=1, keepdims=True)
        series = level + 0.05 * steps + cycle + 0.4 * noise + effects
    known = known_of(spec, len(series))
    parts = {}
    for name, (begin, end) in splits.chronological(len(series), 40, 60).items():
        origins = windows.origins((begin, end), history, horizon, facts["stride"])
        both = windows.make_windows(series.astype(np.float32), origins, history, horizon)
        past, future = (index.view() for index in both)
        parts[name] = {
            "history": past, "future": future, "origin": origins,
            "first": [f"day {origin}" for origin in origins],
        }  # fmt: skip
        if known.shape[1]:
            cut = windows.cut(known.astype(np.float32), origins, history, horizon)
            parts[name]["known_covariates"] = cut.view()
    return parts


def known_of(spec: DataSpec, rows: int) -> np.ndarray:
    """(rows, covariates)."""
    count = len(spec.task_metadata.get("known_covariates", ()))
    return (np.random.default_rng(1).random((rows, count)) < 0.2).astype(float)
