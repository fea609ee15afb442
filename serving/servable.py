"""One loaded version of a model: its signatures, ready to be called with arrays.

TensorFlow is imported here alone.
"""

import base64
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from serving import tree
from serving.errors import BadRequest, ServingError

TOLERANCE = 1e-4


class LoadError(ServingError):
    """A version that cannot be served; the message says why."""


@dataclass(frozen=True)
class Tensor:
    """An input or output. shape: without the batch; None where any length will do."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]
    batched: bool = True

    @classmethod
    def of(cls, name: str, spec) -> "Tensor":
        dims = spec.shape.as_list() if spec.shape.rank is not None else None
        if dims is None or not dims:
            return cls(name, spec.dtype.name, tuple(dims or ()), batched=False)
        return cls(name, spec.dtype.name, tuple(dims[1:]), batched=dims[0] is None)


@dataclass(frozen=True)
class Signature:
    """A function of the SavedModel. batched: every input and output has the batch first."""

    name: str
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    function: object

    @property
    def batched(self) -> bool:
        return all(t.batched for side in (self.inputs, self.outputs) for t in side.values())

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Raises BadRequest for what the graph itself refuses, such as bytes that are no picture."""
        try:
            answer = self.function(**{name: tf.constant(value) for name, value in inputs.items()})
            return {name: tensor.numpy() for name, tensor in answer.items()}
        except tf.errors.InvalidArgumentError as error:
            raise BadRequest(f"the model refuses this input: {first_line(error)}") from None


@dataclass(frozen=True)
class Servable:
    """about: signature.json, if the version has one."""

    folder: Path
    signatures: dict[str, Signature]
    about: dict

    @classmethod
    def load(cls, folder: Path) -> "Servable":
        """Loads a version and answers its golden requests. Raises LoadError, naming what is wrong."""
        about = read_json(folder / tree.SIGNATURE)
        for library in about.get("requires", ()):  # whose operations are in the graph
            importlib.import_module(library)
        try:
            loaded = tf.saved_model.load(str(folder))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, tf.errors.OpError) as error:
            raise LoadError(
                f"{folder}: not a SavedModel that can be loaded: {first_line(error)}"
            ) from error
        servable = cls(folder, dict(_signatures(loaded)), about)
        if not servable.signatures:
            raise LoadError(f"{folder}: the SavedModel has no signatures")
        servable.warm_up()
        return servable

    def warm_up(self) -> None:
        """The first call of a signature traces and allocates; its answers must be the known ones."""
        golden = read_json(self.folder / tree.GOLDEN)
        if not golden:
            return
        signature = self.signatures["serving_default"]
        inputs = {
            name: np.array([from_json(row) for row in rows], np_dtype(signature.inputs[name].dtype))
            for name, rows in golden["inputs"].items()
        }
        answers = signature(inputs)
        for name, wanted in golden["outputs"].items():
            if not same(answers[name], wanted):
                raise LoadError(
                    f"{self.folder}: {name} is not what {tree.GOLDEN} says: {answers[name].tolist()!r:.200}, "
                    f"expected {wanted!r:.200}"
                )


def _signatures(loaded):
    for name, function in loaded.signatures.items():
        inputs = function.structured_input_signature[1]
        yield (
            name,
            Signature(
                name,
                {key: Tensor.of(key, spec) for key, spec in inputs.items()},
                {key: Tensor.of(key, spec) for key, spec in function.structured_outputs.items()},
                function,
            ),
        )


def read_json(path: Path) -> dict:
    """Empty where there is no such file: a version from elsewhere."""
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise LoadError(f"{path}: not JSON: {error}") from None


def from_json(value):
    """A value as the REST interface takes it: bytes are {"b64": ...}."""
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


def np_dtype(name: str):
    return object if name == "string" else np.dtype(name)


def same(answer: np.ndarray, wanted: list) -> bool:
    if answer.dtype == object:
        return [v.decode() if isinstance(v, bytes) else v for v in answer.tolist()] == wanted
    wanted = np.array(wanted, answer.dtype)
    if answer.shape != wanted.shape:
        return False
    return np.allclose(answer, wanted, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)


def first_line(error: Exception) -> str:
    text = getattr(error, "message", None) or str(error)
    return next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
