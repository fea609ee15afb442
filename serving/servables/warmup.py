"""Golden examples: inputs with the answers to expect, which a version gives before it is served.

golden.json holds {"inputs": {name: rows}, "outputs": {name: rows}} for the default signature, as
the column form of the REST interface has them; bytes are {"b64": ...}.
"""

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from serving.errors import BadRequest, LoadError
from serving.servables import repository
from serving.servables.signature import DEFAULT, Signature

TOLERANCE = 1e-4  # of numbers: other hardware adds up in another order


def read(path: Path) -> dict | None:
    """None where there is no such file: a version from elsewhere."""
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise LoadError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise LoadError(f"{path}: an object is needed")
    return found


def prove(signatures: Mapping[str, Signature], folder: Path) -> None:
    """Calls every signature, for a first call allocates; golden answers must be right."""
    golden = read(folder / repository.GOLDEN)
    for name, signature in signatures.items():
        if golden is not None and name == DEFAULT:
            check(signature, golden, folder)
        else:
            # A graph that refuses blanks has been run as well.
            with suppress(BadRequest):
                signature({key: tensor.blank(1) for key, tensor in signature.inputs.items()})


def check(signature: Signature, golden: dict, folder: Path) -> None:
    inputs = arrays(signature, golden["inputs"])
    answers = signature(inputs)
    for name, wanted in golden["outputs"].items():
        if not same(answers[name], wanted):
            raise LoadError(
                f"{folder}: {name} is not what {repository.GOLDEN} says: "
                f"found {answers[name].tolist()!r:.150}, expected {wanted!r:.150}"
            )
    if signature.batched:  # a lone request is the commonest, and another shape to allocate for
        signature({name: array[:1] for name, array in inputs.items()})


def arrays(signature: Signature, columns: Mapping[str, list]) -> dict[str, np.ndarray]:
    return {
        name: np.array([_value(row) for row in rows], signature.inputs[name].dtype)
        for name, rows in columns.items()
    }


def _value(row):
    return base64.b64decode(row["b64"]) if isinstance(row, dict) else row


def same(answer: np.ndarray, wanted: list) -> bool:
    if answer.dtype.hasobject:
        return _texts(answer.tolist()) == wanted
    expected = np.array(wanted, answer.dtype)
    if answer.shape != expected.shape:
        return False
    return np.allclose(answer, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)


def _texts(values):
    if isinstance(values, list):
        return [_texts(value) for value in values]
    return values.decode("utf-8", "replace") if isinstance(values, bytes) else values
