"""Convolution over tokens, maximum over time.

Reference: Yoon Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014.
"""

from collections.abc import Sequence

import keras
from keras import layers

from models.layers import MaskedMaxPooling, MaskPadding, WordDropout
from pipelines.spec import DataSpec


def text_cnn(
    spec: DataSpec,
    *,
    embedding_width: int = 64,
    filters: int = 64,
    widths: Sequence[int] = (2, 3, 4),
    dropout: float = 0.5,
    word_dropout: float = 0.1,
) -> keras.Model:
    """Each filter looks for one pattern of `width` tokens; how strongly it was found anywhere in
    the text is one feature; a linear layer weighs the features.

    Inputs: every field of the spec, (B, T) token ids; several fields (words and characters, say)
    are read side by side. Output: (B, outputs) logits. `widths` counts tokens, `filters` is per
    width and field. Differs from the paper: embeddings are learned; dropout also acts on them and
    on whole tokens; padding takes no part; the last layer's weights have no norm limit. The wide
    start of the embeddings makes rare words distinct from the first step, which small data need.
    """
    inputs, features = {}, []
    for name, field in spec.inputs.items():
        ids = inputs[name] = keras.Input(field.open_shape, dtype=field.dtype, name=name)
        embedded = layers.Embedding(
            field.size, embedding_width, keras.initializers.RandomUniform(-0.5, 0.5),
            name=f"{name}_embedding",
        )(WordDropout(word_dropout)(ids))  # fmt: skip
        embedded = layers.SpatialDropout1D(dropout / 2)(embedded)
        embedded = MaskPadding()(embedded, ids)
        for width in widths:
            found = layers.Conv1D(
                filters, width, padding="same", activation="relu", name=f"{name}_conv{width}"
            )(embedded)
            features.append(MaskedMaxPooling()(found, ids))
    merged = layers.Concatenate()(features) if len(features) > 1 else features[0]
    merged = layers.Dropout(dropout)(merged)
    return keras.Model(inputs, layers.Dense(spec.outputs, name="logits")(merged), name="text_cnn")
