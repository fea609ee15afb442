"""What a SavedModel's function takes and gives, and how it is called with arrays.

TensorFlow is imported here, in `servable` and, for its messages, in `protos` and `grpc_face`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import tensorflow as tf

from serving.errors import BadRequest, ServingError

DEFAULT = "serving_default"
Arrays = Mapping[str, np.ndarray]
REFUSALS = (
    tf.errors.InvalidArgumentError,
    tf.errors.OutOfRangeError,
    tf.errors.UnimplementedError,
)


@dataclass(frozen=True)
class Tensor:
    """An input or output. shape: without the batch, if it has one; None where any size will do, or
    as a whole where any shape will do."""

    name: str
    dtype: np.dtype  # object: strings
    shape: tuple[int | None, ...] | None
    batched: bool

    @classmethod
    def of(cls, name: str, info) -> "Tensor":
        """info: TensorInfo of the SavedModel's own description."""
        dtype = tf.as_dtype(info.dtype)
        kind = np.dtype(object) if dtype == tf.string else np.dtype(dtype.as_numpy_dtype)
        if info.tensor_shape.unknown_rank:
            return cls(name, kind, None, batched=False)
        sizes = tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
        batched = bool(sizes) and sizes[0] is None
        return cls(name, kind, sizes[1:] if batched else sizes, batched)

    @property
    def type_name(self) -> str:
        return "string" if self.dtype.hasobject else self.dtype.name

    @property
    def whole_shape(self) -> tuple[int | None, ...] | None:
        return (None, *self.shape) if self.batched else self.shape

    def fits(self, shape: tuple[int, ...]) -> bool:
        wanted = self.whole_shape
        return wanted is None or (
            len(shape) == len(wanted)
            and all(want in (None, have) for have, want in zip(shape, wanted, strict=True))
        )

    def blank(self, rows: int) -> np.ndarray:
        """Zeros or empty strings, one where any size will do."""
        shape = tuple(1 if size is None else size for size in self.shape or ())
        whole = (rows, *shape) if self.batched else shape
        return np.full(whole, b"" if self.dtype.hasobject else 0, self.dtype)


@dataclass(frozen=True)
class Signature:
    """definition: the SavedModel's SignatureDef message. function: tensors by name -> the same."""

    name: str
    definition: object
    function: Callable
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]

    @classmethod
    def of(cls, name: str, definition, function: Callable) -> "Signature":
        sides = (
            {key: Tensor.of(key, side[key]) for key in sorted(side)}
            for side in (definition.inputs, definition.outputs)
        )
        return cls(name, definition, function, *sides)

    @cached_property
    def batched(self) -> bool:
        """Whether every input and output has the batch first, so that requests can be merged."""
        tensors = [*self.inputs.values(), *self.outputs.values()]
        return bool(self.inputs) and all(tensor.batched for tensor in tensors)

    def __call__(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Raises BadRequest for what the graph refuses, such as bytes that are no picture."""
        try:
            tensors = {name: tf.constant(value) for name, value in inputs.items()}
            answer = self.function(**tensors)
            return {name: to_array(answer[name]) for name in self.outputs}
        except REFUSALS as error:
            raise BadRequest(f"the model refuses this input: {sentence(error)}") from None
        except tf.errors.OpError as error:
            raise ServingError(f"the model failed: {sentence(error)}") from error


def to_array(tensor) -> np.ndarray:
    value = tensor.numpy()
    return np.array(value, object) if isinstance(value, bytes) else np.asarray(value)


NOISE = re.compile(
    r"\{\{.*?\}\}|\[\[.*?\]\]|\[Op:.*|Graph execution error:|Detected at node .*|<stack traces .*"
    r"|\d+ root error\(s\) found\.|\(\d+\) [A-Z_]+: "
)


def sentence(error: Exception) -> str:
    """The part of TensorFlow's message that is meant for people."""
    text = NOISE.sub(" ", getattr(error, "message", None) or str(error))
    lines = (" ".join(line.split()) for line in text.splitlines())
    first = next((line for line in lines if line), type(error).__name__)
    return re.sub(r"^assertion failed: \[(.*)\]$", r"\1", first)[:300]
