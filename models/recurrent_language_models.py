"""Recurrent language models: p(w_t | w_1 ... w_(t-1)) from a state that has read all of these.

    h_t = cell(embedding(w_(t-1)), h_(t-1))
    p(w_t | ...) = softmax(W h_t + b)

The network reads the correct previous token at each position, not its own prediction ("teacher
forcing", Williams and Zipser 1989). Input (B, T) ids, of which 0 begins a document; output
(B, T, V) logits of the token after each.
"""

import keras

from models.layers.recurrent_language_model import RecurrentLanguageModel
from pipelines.spec import DataSpec


def elman_language_model(
    spec: DataSpec, *, embedding_dim: int = 128, units: int = 128, depth: int = 1,
    tied: bool = True, dropout: float = 0.0,
) -> keras.Model:  # fmt: skip
    """The first recurrent language model (Elman 1990; Mikolov et al. 2010).

        h_t = tanh(W x_t + U h_(t-1))

    The gradient through many steps vanishes or explodes, so that it remembers little; clip it
    (`fit.clip_norm`).

    Differs from the papers: trained by Adam through `fit.bptt_steps` steps.

    References: "Finding structure in time", https://doi.org/10.1207/s15516709cog1402_1; "Recurrent
    neural network based language model", https://www.isca-archive.org/interspeech_2010/mikolov10_interspeech.html.

    Args:
        spec: of a data set of documents.
        embedding_dim: size of a token's vector.
        units: size of the state.
        depth: number of recurrent layers.
        tied: whether the output matrix is that of the embedding.
        dropout: rate on embeddings and after each layer.
    """
    return _language_model(spec, "elman", embedding_dim, units, depth, tied, dropout)


def gru_language_model(
    spec: DataSpec, *, embedding_dim: int = 128, units: int = 128, depth: int = 1,
    tied: bool = True, dropout: float = 0.0,
) -> keras.Model:  # fmt: skip
    """Gated recurrent units (Cho et al. 2014); the equations are in recurrent_forecasters.py.

    Reference: "Learning Phrase Representations using RNN Encoder-Decoder",
    https://arxiv.org/abs/1406.1078.

    Args:
        spec: of a data set of documents.
        embedding_dim: size of a token's vector.
        units: size of the state.
        depth: number of recurrent layers.
        tied: whether the output matrix is that of the embedding.
        dropout: rate on embeddings and after each layer.
    """
    return _language_model(spec, "gru", embedding_dim, units, depth, tied, dropout)


def lstm_language_model(
    spec: DataSpec, *, embedding_dim: int = 128, units: int = 128, depth: int = 1,
    tied: bool = True, dropout: float = 0.0,
) -> keras.Model:  # fmt: skip
    """Long short-term memory (Hochreiter and Schmidhuber 1997) as Zaremba et al. use it for text.

    Differs from the paper on text: Adam, and embeddings tied to the output.

    References: "Recurrent Neural Network Regularization", https://arxiv.org/abs/1409.2329; "Using
    the Output Embedding to Improve Language Models", https://arxiv.org/abs/1608.05859.

    Args:
        spec: of a data set of documents.
        embedding_dim: size of a token's vector.
        units: size of the state, and of the cell state.
        depth: number of recurrent layers.
        tied: whether the output matrix is that of the embedding.
        dropout: rate on embeddings and after each layer.
    """
    return _language_model(spec, "lstm", embedding_dim, units, depth, tied, dropout)


def _language_model(
    spec: DataSpec, cell: str, embedding_dim: int, units: int, depth: int, tied: bool,
    dropout: float,
) -> keras.Model:  # fmt: skip
    (name,) = spec.inputs
    ids = keras.Input((None,), dtype="int32", name=name)
    layer = RecurrentLanguageModel(
        spec.outputs, embedding_dim, units, depth, cell, tied, dropout, name="language_model"
    )
    return keras.Model({name: ids}, layer(ids), name=f"{cell}_language_model")
