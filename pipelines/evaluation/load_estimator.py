"""Loads a classical model: only intact files of the kinds that `train` writes, without code."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import models
from pipelines.config import errors
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec
from pipelines.storage import arrays, trials

REMEDY = "train again, or restore it from DVC's cache: dvc checkout --force"


def load(folder: Path, record: Mapping, spec: DataSpec):
    """The `models.classical.Estimator` of one trial.

    Args:
        folder: of the trial, in data/trained.
        record: run.json of its training, with the digests of its models.
        spec: of the data set that it was trained on.

    Raises:
        UserError: no files, altered ones, or ones that the code of today cannot read.
    """
    path = errors.existing(
        folder / trials.ESTIMATOR, "run `dvc repro`, whose stage train writes it"
    )
    digest, expected = arrays.digest(path), record["models"][folder.name]
    if digest != expected:
        raise UserError(
            "model-changed",
            f"the files' hash is {digest[:12]}, but run.json has {expected[:12]}; it is not "
            f"loaded; {REMEDY}",
            path=path,
            value=digest,
        )
    try:
        description = json.loads((path / trials.DESCRIPTION).read_text("utf-8"))
        estimator = models.build(spec, description["module"], **description["build"])
        estimator.restore(path)
    # What json, numpy and a builder that has changed since raise.
    except (
        ValueError, TypeError, KeyError, AttributeError, OSError, ImportError, zipfile.BadZipFile
    ) as error:  # fmt: skip
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            "model-unreadable",
            f"not a classical model as `train` writes it ({reason}); {REMEDY}",
            path=path,
            value=reason,
        ) from error
    check_finite(path)
    return estimator


def check_finite(folder: Path) -> None:
    """Raises a UserError where an array holds NaN or infinity: predictions would be wrong."""
    for path in sorted(folder.rglob("*.npy")):
        values = np.load(path, mmap_mode="r", allow_pickle=False)
        wrong = np.count_nonzero(~np.isfinite(values)) if values.dtype.kind == "f" else 0
        if wrong:
            raise UserError(
                "weights-not-finite",
                f"{wrong:,} of {values.size:,} values are NaN or infinite; nothing is evaluated or "
                "exported; look for extreme values in the data, and train again",
                path=path,
                value=path.stem,
            )
