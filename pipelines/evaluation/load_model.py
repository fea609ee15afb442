"""Loads a trained model: only an intact file, without code, with finite weights.

Keras's safe mode is on, so that a file cannot execute code, and a file is opened only if its hash
is the one that `train` wrote into run.json.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import keras

import models.layers  # noqa: F401  registers the layers that saved models name
from pipelines.config import errors
from pipelines.evaluation import intact
from pipelines.storage import keras_file

FILE = "model.keras"


def load(folder: Path, record: Mapping) -> keras.Model:
    """The model of one trial, not compiled. record: that of its training, run.json."""
    path = errors.existing(folder / FILE, "run `dvc repro`, whose stage train writes it")
    intact.check_digest(path, keras_file.digest(path), record)
    try:
        model = keras.saving.load_model(path, compile=False)
    # Everything that Keras, zipfile and HDF5 raise on truncated, altered or foreign files.
    except (ValueError, TypeError, KeyError, OSError, AttributeError, zipfile.BadZipFile) as error:
        raise intact.unreadable(path, error) from error
    for weight in model.weights:
        values = keras.ops.convert_to_numpy(weight.value)
        remedy = "lower fit.learning_rate, or look for extreme values in the data"
        intact.check_finite(path, weight.path, values, remedy)
    return model
