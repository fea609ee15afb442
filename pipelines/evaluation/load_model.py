"""A trained model as the stages after training read it: whole, of our own layers, with numbers.

Keras's own safe mode is on, so a file cannot bring code of its own; and none is opened whose hash
is not the one that `train` wrote into run.json.
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


def load(folder: Path, record: Mapping) -> keras.Model:
    """The model of one trial, not compiled. record: that of its training, run.json."""
    path = errors.existing(folder / FILE, "run `dvc repro`, whose stage train writes it")
    found, wanted = keras_file.digest(path), record["models"][folder.name]
    if found != wanted:
        raise UserError(
            f"{path}: its content is {found[:12]}, but run.json says that {wanted[:12]} was "
            "trained; it is not loaded; train again, or take it out of DVC's cache again: dvc "
            "checkout --force"
        )
    try:
        model = keras.saving.load_model(path, compile=False)
    # Everything that Keras, zipfile and HDF5 raise on files that are cut, altered or not ours.
    except (ValueError, TypeError, KeyError, OSError, AttributeError, zipfile.BadZipFile) as error:
        why = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path}: not a model as `train` writes it ({why}); train again, or take it out of "
            "DVC's cache again: dvc checkout --force"
        ) from error
    refuse_non_finite(model, path)
    return model


def refuse_non_finite(model: keras.Model, path: Path) -> None:
    """A model with such a weight answers NaN, or worse, a number."""
    for weight in model.weights:
        values = keras.ops.convert_to_numpy(weight.value)
        wrong = np.count_nonzero(~np.isfinite(values)) if values.dtype.kind == "f" else 0
        if wrong:
            layer, _, name = weight.path.rpartition("/")
            raise UserError(
                f"{path}: layer {layer}: {wrong:,} of {values.size:,} numbers in its {name} are "
                "NaN or infinite; nothing is evaluated or exported; lower fit.learning_rate or "
                "look for extreme values in the data, and train again"
            )
