"""`.keras` files whose bytes depend on the model alone, so that equal models have equal hashes."""

import hashlib
import json
import zipfile
from pathlib import Path

import keras

WRITTEN = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can name


def save(model: keras.Model, path: Path) -> None:
    """The model without its optimizer, and without the time of day that Keras writes into it."""
    bare = keras.Model.from_config(model.get_config())
    bare.set_weights(model.get_weights())
    whole = path.with_name(f"timed-{path.name}")
    bare.save(whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w") as target:
        for name in sorted(source.namelist()):
            data = source.read(name)
            if name == "metadata.json":
                about = json.loads(data)
                about.pop("date_saved")
                data = json.dumps(about, sort_keys=True).encode()
            target.writestr(zipfile.ZipInfo(name, WRITTEN), data)
    whole.unlink()


def digest(path: Path) -> str:
    """sha256, by which later stages know the model that was trained."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
