"""The Transformer for translation.

References: Vaswani et al., "Attention Is All You Need", NeurIPS 2017,
https://arxiv.org/abs/1706.03762; Xiong et al., "On Layer Normalization in the Transformer
Architecture", ICML 2020, https://arxiv.org/abs/2002.04745.
"""

import keras

from models.layers import TransformerTranslator
from pipelines.spec import DataSpec


def transformer(
    spec: DataSpec,
    *,
    hidden_dim: int = 128,
    num_heads: int = 4,
    depth: int = 2,
    mlp_dim: int = 512,
    norm_first: bool = True,
    dropout: float = 0.1,
) -> keras.Model:
    """Encoder-decoder of attention and feed-forward layers alone, after Vaswani et al. 2017.

    In scaled dot-product attention every position makes a query, compares it with the keys of
    other positions, and averages their values:

        attention(Q, K, V) = softmax(Q K^T / sqrt(hidden_dim / num_heads)) V

    Multi-head attention does this num_heads times with different projections. An encoder block is
    self-attention and a feed-forward network; a decoder block is causal self-attention (no
    position sees a later one), cross-attention to the encoder's output, and a feed-forward network.
    Training uses teacher forcing, and all target positions are computed at once.

    Inputs: `source` (B, S) and `target_in` (B, T) subword ids. Output: (B, T, V) logits.

    Differs from the paper: by default layer normalisation before each sub-layer and once more at
    the end of each stack (pre-norm, Xiong et al. 2020); no dropout on attention weights.

    Args:
        spec: of a translation data set.
        hidden_dim: D, dimension of embeddings and of all block outputs; an even multiple of
            num_heads.
        num_heads: heads of each attention, of hidden_dim / num_heads dimensions each.
        depth: number of encoder blocks, and of decoder blocks.
        mlp_dim: units of the feed-forward networks' hidden layers; four times hidden_dim in the
            paper.
        norm_first: layer normalisation before each sub-layer (pre-norm), which trains without
            warm-up; otherwise after each, as in the paper (post-norm).
        dropout: rate on embeddings and on the output of each sub-layer.

    Raises:
        UserError: hidden_dim is odd or not a multiple of num_heads.
    """
    inputs = {
        key: keras.Input(field.open_shape, dtype=field.dtype, name=key)
        for key, field in spec.inputs.items()
    }
    # Beam search (pipelines/inference/beam_search.py) looks for the layer by this name.
    translator = TransformerTranslator(
        spec.outputs, hidden_dim, num_heads, depth, mlp_dim, dropout, norm_first, name="translator"
    )
    logits = translator(inputs["source"], inputs["target_in"])  # (B, S), (B, T) -> (B, T, V)
    return keras.Model(inputs, logits, name="transformer")
