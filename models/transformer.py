"""Translation by attention alone.

Reference: Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
"""

import keras

from models.layers import TransformerTranslator
from pipelines.spec import DataSpec


def transformer(
    spec: DataSpec,
    *,
    width: int = 128,
    heads: int = 4,
    depth: int = 2,
    feed_forward: int = 512,
    dropout: float = 0.1,
) -> keras.Model:
    """Encoder and decoder are `depth` blocks each: attention over `heads` heads to the sentence's
    own positions, in the decoder also to the source, then a feed-forward part for each position.

    Inputs: `source` (B, S) and `target_in` (B, T) sub-word ids. Output: (B, T, V) logits. Differs
    from the paper: normalisation stands before each part and once more at the end (Xiong et al.
    2020), which needs no warm-up; dropout acts on no attention weights.
    """
    inputs = {
        key: keras.Input(field.open_shape, dtype=field.dtype, name=key)
        for key, field in spec.inputs.items()
    }
    layer = TransformerTranslator(
        spec.outputs, width, heads, depth, feed_forward, dropout, name="translator"
    )
    logits = layer(inputs["source"], inputs["target_in"])
    return keras.Model(inputs, logits, name="transformer")
