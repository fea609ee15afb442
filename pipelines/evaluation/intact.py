"""Checks of what `train` wrote, networks and classical models, before it is used."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipelines.config.errors import UserError

REMEDY = "train again, or restore it from DVC's cache: dvc checkout --force"


def check_digest(path: Path, digest: str, record: Mapping) -> None:
    """Raises a UserError unless `train` wrote a model with this digest.

    Args:
        path: of the model, in the folder of its trial.
        digest: of what is there now.
        record: run.json of its training, with the digests of its models.
    """
    expected = record["models"][path.parent.name]
    if digest != expected:
        raise UserError(
            "model-changed",
            f"its hash is {digest[:12]}, but run.json has {expected[:12]}; it is not loaded; "
            f"{REMEDY}",
            path=path,
            value=digest,
        )


def unreadable(path: Path, error: Exception) -> UserError:
    """What is told of a model that the code of today cannot read."""
    reason = " ".join(str(error).split())[:200]
    return UserError(
        "model-unreadable",
        f"not a model as `train` writes it ({reason}); {REMEDY}",
        path=path,
        value=reason,
    )


def check_finite(path: Path, name: str, values: np.ndarray, remedy: str) -> None:
    """Raises a UserError where a parameter is NaN or infinite: predictions would be wrong."""
    wrong = np.count_nonzero(~np.isfinite(values)) if values.dtype.kind == "f" else 0
    if wrong:
        raise UserError(
            "weights-not-finite",
            f"{name}: {wrong:,} of {values.size:,} values are NaN or infinite; nothing is "
            f"evaluated or exported; {remedy}, and train again",
            path=path,
            value=name,
        )
