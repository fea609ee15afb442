"""The input and output of models that read one sequence of numbers or ids."""

import keras
import numpy as np
from keras import layers

from pipelines.spec import DataSpec

READ = "read"  # the layer whose output, (B, T, C), is what a network reads
MEMORY = "memory"  # the recurrent layer of a network that has one


def read_sequence(spec: DataSpec) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """(input, what is read (B, T, C)): numbers as they are, ids as one-hot vectors.

    Columns of signals, whose mean and standard deviation in train the spec has, are standardised:
    numbers in physical units differ by powers of ten. A one-hot vector is a row of the identity
    matrix, so it is looked up in an embedding that is one and is not trained.
    """
    ((name, field),) = spec.inputs.items()
    inputs = keras.Input(field.shape, dtype=field.dtype, name=name)
    if "centre" in spec.task_metadata:
        mean, deviation = (np.array(spec.task_metadata[name]) for name in ("centre", "scale"))
        variance = np.square(deviation).tolist()
        scaled = layers.Normalization(axis=2, mean=mean.tolist(), variance=variance, name=READ)
        return inputs, scaled(inputs)
    if field.kind != "ids":
        return inputs, layers.Identity(name=READ)(inputs)
    identity = keras.initializers.Identity()
    one_hot = layers.Embedding(field.size, field.size, identity, trainable=False, name=READ)
    return inputs, one_hot(inputs)


def answers_every_step(spec: DataSpec) -> bool:
    """Whether the target has a value at each step, not one for the sequence."""
    return bool(spec.target.shape)


def total_steps(spec: DataSpec) -> int:
    """T, the length of a sequence."""
    (field,) = spec.inputs.values()
    return field.shape[0]
