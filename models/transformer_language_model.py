"""The causal Transformer: p(w_t | w_1 ... w_(t-1)) by attention to the tokens before.

References: Vaswani et al., "Attention Is All You Need", NeurIPS 2017,
https://arxiv.org/abs/1706.03762; Radford et al., "Language Models are Unsupervised Multitask
Learners", 2019,
https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf.
"""

import keras

from models.layers.transformer_language_model import TransformerLanguageModel
from pipelines.spec import DataSpec


def transformer_language_model(
    spec: DataSpec, *, hidden_dim: int = 128, num_heads: int = 4, depth: int = 2,
    mlp_dim: int = 512, context: int = 64, positions: str = "learned", norm_first: bool = True,
    dropout: float = 0.1,
) -> keras.Model:  # fmt: skip
    """The decoder of Vaswani et al. alone, as in GPT (Radford et al. 2018, 2019).

    Every token makes a query, compares it with the keys of the tokens up to itself, no later one
    (the look-ahead mask), and averages their values. So all positions of a window are trained at
    once, each on the correct tokens before it ("teacher forcing", Williams and Zipser 1989).

    Input (B, T) ids, of which 0 begins a document; output (B, T, V) logits of the token after each.
    The model sees `context` tokens at most, where a recurrent network carries its state through a
    whole document; set `fit.bptt_steps` to the context.

    Differs from GPT-2: ReLU, positions of a wider start, a bias of the output, no dropout on
    attention weights.

    References: https://arxiv.org/abs/1706.03762; "Improving Language Understanding by Generative
    Pre-Training", 2018,
    https://cdn.openai.com/research-covers/language-unsupervised/language_understanding_paper.pdf.

    Args:
        spec: of a data set of documents.
        hidden_dim: D, dimension of embeddings and of all blocks' outputs; a multiple of num_heads.
        num_heads: heads of each attention, of hidden_dim / num_heads dimensions each.
        depth: number of blocks.
        mlp_dim: units of the feed-forward networks' hidden layers; four times hidden_dim in GPT.
        context: the most tokens that attention spans; even.
        positions: learned (a vector for each position, as in GPT) or sine (as in Vaswani et al.).
        norm_first: layer normalisation before each sub-layer and at the end (pre-norm, as in
            GPT-2), which trains without warm-up; otherwise after each (post-norm).
        dropout: rate on embeddings and on the output of each sub-layer.

    Raises:
        UserError: hidden_dim is not a multiple of num_heads, or odd with sine; an odd context;
            unknown positions.
    """
    (name,) = spec.inputs
    ids = keras.Input((None,), dtype="int32", name=name)
    # Scores and decoding look for the layer by this name.
    layer = TransformerLanguageModel(
        spec.outputs, hidden_dim, num_heads, depth, mlp_dim, context, positions, norm_first,
        dropout, name="language_model",
    )  # fmt: skip
    return keras.Model({name: ids}, layer(ids), name="transformer_language_model")
