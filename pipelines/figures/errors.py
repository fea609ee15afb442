"""The most confident mistakes: the rows that teach most about data and model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipelines.figures import style

TEXT_LENGTH = 200


def mistakes(
    columns: dict[str, Sequence],
    probabilities: np.ndarray,
    predicted: np.ndarray,
    targets: np.ndarray,
    labels: Sequence[str],
    folder: Path,
    limit: int = 50,
) -> list[dict]:
    """Write `<folder>/mistakes.csv` and return its rows, the surest mistake first.

    `columns` name what tells a reader which example it is, one value a row: {"text": texts},
    {"file": paths}. Text is put on one line and cut at 200 characters. `confidence` is the
    probability of the predicted class, `of_actual` that of the class it should have been; `row`
    counts from 0 in the test split. Equal confidences keep the order of the rows.

    Raises ValueError where a column has another length than `targets` or a reserved name.
    """
    own = ("row", "actual", "predicted", "confidence", "of_actual")
    for name, values in columns.items():
        if name in own or len(values) != len(targets):
            raise ValueError(f"mistakes: column {name!r}: {len(values)} rows, not {len(targets)}")
    probabilities, predicted, targets = map(np.asarray, (probabilities, predicted, targets))
    wrong = np.flatnonzero(predicted != targets)
    confidence = probabilities[wrong, predicted[wrong]]
    chosen = wrong[np.argsort(-confidence, kind="stable")][:limit]
    rows = [
        {
            "row": int(i),
            "actual": str(labels[targets[i]]),
            "predicted": str(labels[predicted[i]]),
            "confidence": round(float(probabilities[i, predicted[i]]), 4),
            "of_actual": round(float(probabilities[i, targets[i]]), 4),
            **{name: _tidy(values[int(i)]) for name, values in columns.items()},
        }
        for i in chosen
    ]
    style.write_csv(folder / "mistakes.csv", (*own, *columns), [row.values() for row in rows])
    return rows


def _tidy(value):
    return style.cut(value, TEXT_LENGTH) if isinstance(value, str) else value
