"""Windows of a series with a trend and a season, split by time."""

import numpy as np

from pipelines.preparation import splits
from pipelines.preprocessing import windows
from pipelines.spec import DataSpec


def splits_of(
    spec: DataSpec, series: np.ndarray | None = None, *, rows: int = 200, level: float = 20.0
) -> dict[str, dict]:
    """Split -> columns, as `prepare` writes them; series: (rows, columns), or one that is made."""
    facts = spec.task_metadata
    history, horizon = spec.inputs["history"].shape[0], facts["horizon_steps"]
    if series is None:
        steps = np.arange(rows)[:, None]
        noise = np.random.default_rng(0).standard_normal((rows, len(facts["columns"])))
        cycle = 5 * np.sin(2 * np.pi * steps / max(facts["season_steps"], 2))
        series = level + 0.05 * steps + cycle + 0.4 * noise
    parts = {}
    for name, (begin, end) in splits.chronological(len(series), 40, 60).items():
        origins = windows.origins((begin, end), history, horizon, facts["stride"])
        both = windows.make_windows(series.astype(np.float32), origins, history, horizon)
        past, future = (index.view() for index in both)
        parts[name] = {
            "history": past, "future": future, "origin": origins,
            "first": [f"day {origin}" for origin in origins],
        }  # fmt: skip
    return parts
