"""The most confident errors of a classifier, for error analysis."""

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
    """Writes `<folder>/mistakes.csv` and returns its rows, the most confident error first.

    `confidence` is the probability of the predicted class, `of_actual` that of the actual class;
    `row` counts from 0 in the test split. Ties keep the order of the rows.

    Args:
        columns: what identifies an example, one value a row: {"text": texts}, {"file": paths}. Text
            is put on one line and cut at 200 characters.
        probabilities: (n, k).
        predicted: (n,) class ids.
        targets: (n,) class ids.
        labels: k class names.
        folder: for the table.
        limit: of rows.

    Raises:
        ValueError: a column of another length than `targets`, or with a reserved name.
    """
    reserved = ("row", "actual", "predicted", "confidence", "of_actual")
    for name, values in columns.items():
        if name in reserved or len(values) != len(targets):
            raise ValueError(f"mistakes: column {name!r}: {len(values)} rows, not {len(targets)}")
    probabilities, predicted, targets = map(np.asarray, (probabilities, predicted, targets))
    wrong = np.flatnonzero(predicted != targets)
    confidence = probabilities[wrong, predicted[wrong]]
    shown = wrong[np.argsort(-confidence, kind="stable")][:limit]
    rows = [
        {
            "row": int(i),
            "actual": str(labels[targets[i]]),
            "predicted": str(labels[predicted[i]]),
            "confidence": round(float(probabilities[i, predicted[i]]), 4),
            "of_actual": round(float(probabilities[i, targets[i]]), 4),
            **{name: _tidy(values[int(i)]) for name, values in columns.items()},
        }
        for i in shown
    ]
    style.write_csv(folder / "mistakes.csv", (*reserved, *columns), [row.values() for row in rows])
    return rows


def _tidy(value):
    return style.cut(value, TEXT_LENGTH) if isinstance(value, str) else value
