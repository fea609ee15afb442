"""Attention reads a text, pooling sums it up.

References: Vaswani et al., "Attention Is All You Need", NeurIPS 2017; Xiong et al., "On Layer
Normalization in the Transformer Architecture", ICML 2020.
"""

import keras
from keras import layers, ops

from models.layers import (
    EncoderBlock,
    MaskedMaxPooling,
    MaskedMeanPooling,
    SinePositions,
    WordDropout,
)
from pipelines.spec import DataSpec

POOLINGS = {"mean": MaskedMeanPooling, "max": MaskedMaxPooling}


def transformer_classifier(
    spec: DataSpec,
    *,
    width: int = 64,
    heads: int = 4,
    depth: int = 2,
    feed_forward: int = 128,
    positions: bool = True,
    pooling: str = "max",
    dropout: float = 0.3,
    word_dropout: float = 0.1,
) -> keras.Model:
    """Each token looks at all others `depth` times; what is found at the tokens is pooled and
    classified by a linear layer.

    Inputs: every field of the spec, (B, T) token ids, each read by its own blocks. Output:
    (B, outputs) logits. `width` of a token's vector, `feed_forward` of the hidden layer in a block.
    Without `positions` the text is a bag of tokens that see one another. `pooling`: max | mean over
    the tokens. Padding is neither attended to nor pooled. Differs from the paper: an encoder alone,
    normalised before each part and at the end (pre-norm), so that it trains without warm-up;
    dropout on whole tokens, and none on attention weights.
    """
    if pooling not in POOLINGS:
        raise ValueError(f"pooling must be {' or '.join(POOLINGS)}, found {pooling!r}")
    inputs, features = {}, []
    for name, field in spec.inputs.items():
        ids = inputs[name] = keras.Input(field.open_shape, dtype=field.dtype, name=name)
        tokens = layers.Embedding(
            field.size, width, keras.initializers.RandomUniform(-0.5, 0.5),
            name=f"{name}_embedding",
        )(WordDropout(word_dropout)(ids))  # fmt: skip
        if positions:
            tokens = SinePositions(name=f"{name}_positions")(tokens)
        tokens = layers.Dropout(dropout)(tokens)
        real = ops.not_equal(ids, 0)
        for number in range(1, depth + 1):
            block = EncoderBlock(heads, feed_forward, dropout, name=f"{name}_block{number}")
            tokens = block(tokens, real)
        tokens = layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm")(tokens)
        features.append(POOLINGS[pooling]()(tokens, ids))
    merged = layers.Concatenate()(features) if len(features) > 1 else features[0]
    merged = layers.Dropout(dropout)(merged)
    logits = layers.Dense(spec.outputs, name="logits")(merged)
    return keras.Model(inputs, logits, name="transformer_classifier")
