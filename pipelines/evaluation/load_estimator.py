"""Loads a classical model: only intact files of the kinds that `train` writes, without code."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import models
from pipelines.config import errors
from pipelines.evaluation import intact
from pipelines.spec import DataSpec
from pipelines.storage import arrays, trials


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
    intact.check_digest(path, arrays.digest(path), record)
    try:
        description = json.loads((path / trials.DESCRIPTION).read_text("utf-8"))
        estimator = models.build(spec, description["module"], **description["build"])
        estimator.restore(path)
    # What json, numpy and a builder that has changed since raise.
    except (
        ValueError, TypeError, KeyError, AttributeError, OSError, ImportError, zipfile.BadZipFile
    ) as error:  # fmt: skip
        raise intact.unreadable(path, error) from error
    for file in sorted(path.rglob("*.npy")):
        values = np.load(file, mmap_mode="r", allow_pickle=False)
        intact.check_finite(file, file.stem, values, "look for extreme values in the data")
    return estimator
