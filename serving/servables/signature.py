"""A SavedModel's signature: the inputs and outputs of a function, and its call with arrays.

TensorFlow is imported here, in `servable` and, for its protocol buffers, in `grpc_api`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from serving.errors import BadRequest, ServingError

DEFAULT = "serving_default"
# Of a TensorSpec, from signature.json.
DESCRIBED = ("max_length", "max_bytes", "max_pixels", "minimum", "maximum", "default")
Arrays = Mapping[str, np.ndarray]
# Raised by a graph for an input that it does not accept.
INPUT_ERRORS = (
    tf.errors.InvalidArgumentError,
    tf.errors.OutOfRangeError,
    tf.errors.UnimplementedError,
)


@dataclass(frozen=True)
class TensorSpec:
    """An input or output.

    Args:
        name: its name in the signature.
        dtype: NumPy type; object for strings.
        shape: without the batch dimension; None for a dimension of any size, and None instead of
            the tuple for any shape.
        batched: whether the first dimension is the batch.
        max_length: largest size of a dimension of any size, if the model says so.
        max_bytes: what the model reads of a text at most, if it says so; the rest is cut off.
        max_pixels: of an image, if the model says so.
        minimum, maximum: of a number, if the model says so.
        default: of a parameter of a text, if the model says so.
    """

    name: str
    dtype: np.dtype
    shape: tuple[int | None, ...] | None
    batched: bool
    max_length: int | None = None
    max_bytes: int | None = None
    max_pixels: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    default: Any = None

    @classmethod
    def from_info(cls, name: str, info) -> "TensorSpec":
        """info: the TensorInfo message of the SavedModel."""
        tf_dtype = tf.as_dtype(info.dtype)
        dtype = np.dtype(object) if tf_dtype == tf.string else np.dtype(tf_dtype.as_numpy_dtype)
        if info.tensor_shape.unknown_rank:
            return cls(name, dtype, None, batched=False)
        sizes = tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
        batched = bool(sizes) and sizes[0] is None
        return cls(name, dtype, sizes[1:] if batched else sizes, batched)

    @property
    def type_name(self) -> str:
        return "string" if self.dtype.hasobject else self.dtype.name

    @property
    def full_shape(self) -> tuple[int | None, ...] | None:
        """The shape with the batch dimension."""
        return (None, *(self.shape or ())) if self.batched else self.shape

    @cached_property
    def open_dimensions(self) -> tuple[int, ...]:
        """Indices of dimensions of any size, without the batch."""
        sizes = self.full_shape or ()
        first = 1 if self.batched else 0
        return tuple(index for index in range(first, len(sizes)) if sizes[index] is None)

    def accepts(self, shape: tuple[int, ...]) -> bool:
        expected = self.full_shape
        return expected is None or (
            len(shape) == len(expected)
            and all(size in (None, actual) for actual, size in zip(shape, expected, strict=True))
        )

    def zeros(self, rows: int) -> np.ndarray:
        """Zeros or empty strings; dimensions of any size get size 1."""
        row_shape = tuple(1 if size is None else size for size in self.shape or ())
        shape = (rows, *row_shape) if self.batched else row_shape
        return np.full(shape, b"" if self.dtype.hasobject else 0, self.dtype)


@dataclass(frozen=True)
class Signature:
    """A callable function of a SavedModel.

    Args:
        name: its name among the signatures.
        definition: the SignatureDef message.
        function: tensors by name -> tensors by name.
        inputs: specifications by name.
        outputs: specifications by name.
    """

    name: str
    definition: SignatureDef
    function: Callable
    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]

    @classmethod
    def from_definition(
        cls, name: str, definition, function: Callable,
        described: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> "Signature":  # fmt: skip
        """described: {input: its DESCRIBED}."""
        inputs, outputs = (
            {key: TensorSpec.from_info(key, infos[key]) for key in sorted(infos)}
            for infos in (definition.inputs, definition.outputs)
        )
        for key, values in (described or {}).items():
            if key in inputs:
                inputs[key] = replace(inputs[key], **values)
        return cls(name, definition, function, inputs, outputs)

    @cached_property
    def batched(self) -> bool:
        """Whether all inputs and outputs have a batch dimension, so that requests can be merged."""
        specs = [*self.inputs.values(), *self.outputs.values()]
        return bool(self.inputs) and all(spec.batched for spec in specs)

    def __call__(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Arrays in, arrays out; raises what `call` raises."""
        with readable_errors():
            tensors = {name: tf.constant(array) for name, array in inputs.items()}
            outputs = self.function(**tensors)
            return {name: to_array(outputs[name]) for name in self.outputs}

    def call(self, tensors: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Tensors in, tensors out, which need not be copied between two calls.

        Raises:
            BadRequest: the graph refuses the input, such as bytes that are not an image.
            ServingError: it fails.
        """
        with readable_errors():
            return self.function(**tensors)


@contextmanager
def readable_errors() -> Iterator[None]:
    """TensorFlow's errors as those of a request."""
    try:
        yield
    except INPUT_ERRORS as error:
        message = f"the model refuses this input: {readable_message(error)}"
        raise BadRequest(message) from None
    except tf.errors.OpError as error:
        raise ServingError(f"the model failed: {readable_message(error)}") from error


def to_array(tensor) -> np.ndarray:
    value = tensor.numpy()
    return np.array(value, object) if isinstance(value, bytes) else np.asarray(value)


NOISE = re.compile(
    r"\{\{.*?\}\}|\[\[.*?\]\]|\[Op:.*|Graph execution error:|Detected at node .*|<stack traces .*"
    r"|\d+ root error\(s\) found\.|\(\d+\) [A-Z_]+: "
)


def readable_message(error: Exception) -> str:
    """The first line of TensorFlow's message, without node names and stack traces."""
    text = NOISE.sub(" ", getattr(error, "message", None) or str(error))
    lines = (" ".join(line.split()) for line in text.splitlines())
    first = next((line for line in lines if line), type(error).__name__)
    return re.sub(r"^assertion failed: \[(.*)\]$", r"\1", first)[:300]
