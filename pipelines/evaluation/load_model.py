"""Loads a trained model: only an intact file, without code, with finite weights.

Keras's safe mode is on, so that a file cannot execute code, and a file is opened only if its hash
is the one that `train` wrote into run.json.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

import models.layers  # noqa: F401  registers the layers that saved models name
from pipelines.config import errors
from pipelines.config.errors import UserError
from pipelines.storage import keras_file

FILE = "model.keras"
REMEDY = "train again, or restore it from DVC's cache: dvc checkout --force"


def load(folder: Path, record: Mapping) -> keras.Model:
    """The model of one trial, not compiled. record: that of its training, run.json."""
    path = errors.existing(folder / FILE, "run `dvc repro`, whose stage train writes it")
    digest, expected = keras_file.digest(path), record["models"][folder.name]
    if digest != expected:
        raise UserError(
            "model-changed",
            f"the file's hash is {digest[:12]}, but run.json has {expected[:12]}; it is not "
            f"loaded; {REMEDY}",
            path=path,
            value=digest,
        )
    try:
        model = keras.saving.load_model(path, compile=False)
    # Everything that Keras, zipfile and HDF5 raise on truncated, altered or foreign files.
    except (ValueError, TypeError, KeyError, OSError, AttributeError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            "model-unreadable",
            f"not a model as `train` writes it ({reason}); {REMEDY}",
            path=path,
            value=reason,
        ) from error
    check_finite(model, path)
    return model


def check_finite(model: keras.Model, path: Path) -> None:
    """Raises a UserError where a weight is NaN or infinite: predictions would be wrong."""
    for weight in model.weights:
        values = keras.ops.convert_to_numpy(weight.value)
        wrong = np.count_nonzero(~np.isfinite(values)) if values.dtype.kind == "f" else 0
        if wrong:
            layer, _, name = weight.path.rpartition("/")
            raise UserError(
                "weights-not-finite",
                f"layer {layer}: {wrong:,} of {values.size:,} values of {name} are NaN or "
                "infinite; nothing is evaluated or exported; lower fit.learning_rate, or look for "
                "extreme values in the data, and train again",
                path=path,
                value=weight.path,
            )
