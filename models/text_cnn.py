"""Convolutional network for text classification.

Reference: Yoon Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014,
https://arxiv.org/abs/1408.5882.
"""

from collections.abc import Sequence

import keras
from keras import layers

from models.layers import MaskedMaxPooling, MaskPadding
from models.layers.text_inputs import concatenate_fields, embed_tokens
from pipelines.spec import DataSpec


def text_cnn(
    spec: DataSpec,
    *,
    embedding_dim: int = 64,
    filters: int = 64,
    kernel_sizes: Sequence[int] = (2, 3, 4),
    dropout: float = 0.5,
    word_dropout: float = 0.1,
) -> keras.Model:
    """Convolutions over tokens and max pooling over time, after Kim 2014.

    A filter of kernel size k is a detector of one k-gram pattern in the space of embeddings. Max
    pooling over time keeps how strongly the pattern occurs anywhere in the text, whatever the
    text's length. The maxima of all filters are concatenated and classified by a linear layer.

    Inputs: every field of the spec, (B, T) token ids; several fields, such as words and
    characters, have embeddings and filters of their own. Output: (B, outputs) logits.

    Differs from the paper: embeddings are learned, not pretrained; dropout also acts on embedding
    channels and on whole tokens; padding is masked; no norm constraint on the last layer.

    Args:
        spec: of a text classification data set.
        embedding_dim: D, dimension of a token's vector.
        filters: number of filters for each kernel size and field.
        kernel_sizes: widths of the filters in tokens.
        dropout: rate on the pooled features; half of it drops whole channels of the embeddings.
        word_dropout: probability of a token to be replaced by the unknown token.
    """
    inputs, pooled = {}, []
    for name, field in spec.inputs.items():
        ids, x = embed_tokens(name, field, embedding_dim, word_dropout)
        inputs[name] = ids  # (B, T)
        x = layers.SpatialDropout1D(dropout / 2)(x)  # (B, T, D)
        x = MaskPadding()(x, ids)
        for size in kernel_sizes:
            features = layers.Conv1D(
                filters, size, padding="same", activation="relu", name=f"{name}_conv{size}"
            )(x)  # (B, T, filters)
            pooled.append(MaskedMaxPooling()(features, ids))  # (B, filters)
    x = layers.Dropout(dropout)(concatenate_fields(pooled))
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model(inputs, logits, name="text_cnn")
