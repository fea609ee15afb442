"""`.keras` files whose bytes depend on the model only, so that equal models have equal hashes."""

import hashlib
import json
import zipfile
from pathlib import Path

import keras

TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive can hold


def save(model: keras.Model, path: Path) -> None:
    """Writes the model without its optimizer and without the time stamp of Keras."""
    model_only = keras.Model.from_config(model.get_config())
    model_only.set_weights(model.get_weights())
    timed = path.with_name(f"timed-{path.name}")
    model_only.save(timed)
    with zipfile.ZipFile(timed) as source, zipfile.ZipFile(path, "w") as target:
        for name in sorted(source.namelist()):
            data = source.read(name)
            if name == "metadata.json":
                metadata = json.loads(data)
                metadata.pop("date_saved")
                data = json.dumps(metadata, sort_keys=True).encode()
            target.writestr(zipfile.ZipInfo(name, TIMESTAMP), data)
    timed.unlink()


def digest(path: Path) -> str:
    """sha256, by which later stages check that a model is the one that was trained."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
