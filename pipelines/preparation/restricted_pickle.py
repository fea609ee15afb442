"""Pickled numpy arrays out of files of others, without the code that a pickle can run.

A pickle names the functions that rebuild its objects, and loading it calls them: an altered file
could call any. Here only those of plain arrays can be named.

Reference: https://docs.python.org/3/library/pickle.html#restricting-globals
"""

import io
import pickle
from pathlib import Path

import numpy as np

from pipelines.config.errors import UserError

ALLOWED = {
    ("_codecs", "encode"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
}


class ArrayUnpickler(pickle.Unpickler):
    """Refuses every name that is not in ALLOWED, before anything of it is imported."""

    def find_class(self, module: str, name: str):
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def load_object(path: Path):
    """The one object in a .npy file: a dictionary, or a list, of arrays.

    Raises:
        UserError: not such a file, or one that names something else than arrays.
    """
    try:
        stream = io.BytesIO(path.read_bytes())
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0}
        shape, _, dtype = read.get(version, np.lib.format.read_array_header_2_0)(stream)
        if shape != () or not dtype.hasobject:
            raise ValueError(f"an array of shape {shape} of {dtype}, not an object")
        loaded = ArrayUnpickler(stream).load()
    except (ValueError, EOFError, pickle.UnpicklingError, IndexError, KeyError) as error:
        raise UserError(
            "pickle-refused",
            f"not a pickle of plain arrays ({error}); nothing of it is used; run the stage fetch "
            "again, or correct `source`",
            path=path,
        ) from error
    return loaded.item() if isinstance(loaded, np.ndarray) else loaded
