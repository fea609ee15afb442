"""Transformer encoder for text classification.

References: Vaswani et al., "Attention Is All You Need", NeurIPS 2017,
https://arxiv.org/abs/1706.03762; Xiong et al., "On Layer Normalization in the Transformer
Architecture", ICML 2020, https://arxiv.org/abs/2002.04745.
"""

import keras
from keras import layers, ops

from models.layers import EncoderBlock, MaskedMaxPooling, MaskedMeanPooling, SinePositions
from models.layers.text_inputs import concatenate_fields, embed_tokens
from pipelines.config.errors import UserError, one_of
from pipelines.spec import DataSpec

POOLINGS = {"mean": MaskedMeanPooling, "max": MaskedMaxPooling}


def transformer_classifier(
    spec: DataSpec,
    *,
    hidden_dim: int = 64,
    num_heads: int = 4,
    depth: int = 2,
    mlp_dim: int = 128,
    positions: bool = True,
    norm_first: bool = True,
    pooling: str = "max",
    dropout: float = 0.3,
    word_dropout: float = 0.1,
) -> keras.Model:
    """Encoder blocks and pooling over tokens; the encoder of Vaswani et al. 2017.

    Each block is multi-head self-attention, softmax(Q K^T / sqrt(d)) V with d = hidden_dim /
    num_heads, and a feed-forward network, both as residual branches. After `depth` blocks every
    token's vector depends on the whole text. The vectors are pooled to one and classified by a
    linear layer.

    Inputs: every field of the spec, (B, T) token ids, each with embeddings and blocks of its own.
    Output: (B, outputs) logits. Padding is neither attended to nor pooled.

    Differs from the paper: an encoder alone; by default layer normalisation before each sub-layer
    and at the end (pre-norm, Xiong et al. 2020); word dropout; no dropout on attention weights.

    Args:
        spec: of a text classification data set.
        hidden_dim: D, dimension of a token's vector; a multiple of num_heads, and even with
            positions.
        num_heads: heads of each attention, of hidden_dim / num_heads dimensions each.
        depth: number of encoder blocks.
        mlp_dim: units of the feed-forward networks' hidden layers.
        positions: add sinusoidal positions; without, the text is a bag of tokens.
        norm_first: layer normalisation before each sub-layer (pre-norm), which trains without
            warm-up; otherwise after each, as in the paper (post-norm).
        pooling: "max" or "mean" over tokens.
        dropout: rate on embeddings, on each residual branch and on the pooled features.
        word_dropout: probability of a token to be replaced by the unknown token.

    Raises:
        UserError: hidden_dim does not fit num_heads or positions, or the pooling is unknown.
    """
    if pooling not in POOLINGS:
        raise UserError(
            "pooling-unknown", f"no such pooling; {one_of(pooling, POOLINGS)}",
            key="build.pooling", value=pooling,
        )  # fmt: skip
    inputs, pooled = {}, []
    for name, field in spec.inputs.items():
        ids, x = embed_tokens(name, field, hidden_dim, word_dropout)
        inputs[name] = ids  # (B, T)
        if positions:
            x = SinePositions(name=f"{name}_positions")(x)  # (B, T, D)
        x = layers.Dropout(dropout)(x)
        token_mask = ops.not_equal(ids, 0)  # (B, T)
        for number in range(1, depth + 1):
            block = EncoderBlock(
                num_heads, mlp_dim, dropout, norm_first, name=f"{name}_block{number}"
            )
            x = block(x, token_mask)  # (B, T, D)
        if norm_first:
            x = layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm")(x)
        pooled.append(POOLINGS[pooling]()(x, ids))  # (B, D)
    x = layers.Dropout(dropout)(concatenate_fields(pooled))
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model(inputs, logits, name="transformer_classifier")
