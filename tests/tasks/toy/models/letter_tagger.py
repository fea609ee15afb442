"""Logits of a tag at each position."""

import keras
from keras import layers

from pipelines.spec import DataSpec


def letter_tagger(spec: DataSpec, *, units: int = 8) -> keras.Model:
    """Inputs: letters (B, T) ids and flag (B,). Output: (B, T, outputs) logits."""
    inputs = {
        name: keras.Input(field.shape, dtype=field.dtype, name=name)
        for name, field in spec.inputs.items()
    }
    (positions,) = spec.inputs["letters"].shape
    letters = layers.Embedding(spec.inputs["letters"].size, units)(inputs["letters"])  # (B, T, D)
    flag = layers.Reshape((1,))(inputs["flag"])
    flag = layers.RepeatVector(positions)(flag)  # (B, T, 1)
    hidden = layers.Concatenate()([letters, flag])
    hidden = layers.Dense(units, "relu")(hidden)
    return keras.Model(inputs, layers.Dense(spec.outputs, name="logits")(hidden))
