"""The input side that all text classifiers share: token ids to embeddings, fields side by side."""

from collections.abc import Sequence

import keras
from keras import layers

from models.layers.word_dropout import WordDropout
from pipelines.spec import Field


def embed_tokens(
    name: str, field: Field, embedding_dim: int, word_dropout: float, *,
    init_range: float = 0.5, mask_zero: bool = False,
) -> tuple[keras.KerasTensor, keras.KerasTensor]:  # fmt: skip
    """The input layer of one field, word dropout and a learned embedding.

    Embeddings start from a wide range, by default ten times Keras's: rare words are then distinct
    before the first step, which helps with few data.

    Args:
        name: of the field and the Keras input.
        field: of the spec; (T,) token ids.
        embedding_dim: D, dimension of a token's vector.
        word_dropout: probability of a token to be replaced by the unknown token in training.
        init_range: embeddings are drawn from [-init_range, init_range].
        mask_zero: attach Keras's implicit mask, for recurrent layers.

    Returns:
        The ids (B, T) and their embeddings (B, T, D).
    """
    ids = keras.Input(field.open_shape, dtype=field.dtype, name=name)
    embedding = layers.Embedding(
        field.size, embedding_dim, keras.initializers.RandomUniform(-init_range, init_range),
        mask_zero=mask_zero, name=f"{name}_embedding",
    )  # fmt: skip
    return ids, embedding(WordDropout(word_dropout)(ids))


def concatenate_fields(features: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
    """Feature vectors (B, D_i) -> (B, sum of D_i); a single one is returned as it is."""
    return layers.Concatenate()(list(features)) if len(features) > 1 else features[0]
