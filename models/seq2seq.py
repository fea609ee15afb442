"""Recurrent encoder-decoders for translation, without and with attention.

References: Sutskever, Vinyals and Le, "Sequence to Sequence Learning with Neural Networks", NIPS
2014, https://arxiv.org/abs/1409.3215; Luong, Pham and Manning, "Effective Approaches to
Attention-based Neural Machine Translation", EMNLP 2015, https://arxiv.org/abs/1508.04025.
"""

import keras

from models.layers import RecurrentTranslator
from models.layers.lstm import short_steps
from pipelines.spec import DataSpec


@short_steps
def seq2seq(
    spec: DataSpec,
    *,
    embedding_dim: int = 96,
    units: int = 128,
    cell: str = "gru",
    dropout: float = 0.2,
) -> keras.Model:
    """Encoder-decoder without attention, after Sutskever et al. 2014.

    The encoder's last state is all that the decoder knows of the source: a vector of fixed size,
    which is the bottleneck for long sentences. The decoder is a language model of the target that
    starts from this state, p(y | x) = prod_t p(y_t | y_1 ... y_(t-1), x). Training uses teacher
    forcing: the decoder's input at step t is the correct previous id y_(t-1), not its own
    prediction.

    Inputs: `source` (B, S) and `target_in` (B, T) subword ids. Output: (B, T, V) logits.

    Differs from the paper: one layer instead of four; a bidirectional encoder instead of reversed
    source sentences; subwords; one embedding for source, target and output.

    Args:
        spec: of a translation data set.
        embedding_dim: E, dimension of a subword's vector.
        units: U, state size of each encoder direction and of the decoder.
        cell: "gru" or "lstm", see recurrent_forecasters.py for their gates.
        dropout: rate on embeddings and before the output layer.
    """
    return _translator(spec, embedding_dim, units, cell, False, dropout, name="seq2seq")


@short_steps
def seq2seq_attention(
    spec: DataSpec,
    *,
    embedding_dim: int = 96,
    units: int = 128,
    cell: str = "gru",
    dropout: float = 0.2,
) -> keras.Model:
    """Encoder-decoder with global attention, after Luong et al. 2015.

    At every step the decoder state s_t is compared with each encoder output m_j, and the outputs
    are averaged with the resulting weights, so nothing has to fit into one vector:

        score(s_t, m_j) = s_t . W m_j               Luong's "general" score
        a_t = softmax over j of score(s_t, m_j)     attention weights
        c_t = sum_j a_tj W m_j                      context vector

    The next id is predicted from c_t and s_t. The weights a_t show which source words a target
    word comes from.

    Inputs: `source` (B, S) and `target_in` (B, T) subword ids. Output: (B, T, V) logits.

    Differs from the paper: no input feeding, so all target positions are computed at once in
    training; the context averages the projected outputs W m_j; and as for `seq2seq`.

    Args:
        spec: of a translation data set.
        embedding_dim: E, dimension of a subword's vector.
        units: U, state size of each encoder direction and of the decoder.
        cell: "gru" or "lstm", see recurrent_forecasters.py for their gates.
        dropout: rate on embeddings and before the output layer.
    """
    return _translator(spec, embedding_dim, units, cell, True, dropout, name="seq2seq_attention")


def _translator(
    spec: DataSpec, embedding_dim: int, units: int, cell: str, attention: bool, dropout: float,
    name: str,
) -> keras.Model:  # fmt: skip
    inputs = {
        key: keras.Input(field.open_shape, dtype=field.dtype, name=key)
        for key, field in spec.inputs.items()
    }
    # Beam search (pipelines/inference/beam_search.py) looks for the layer by this name.
    translator = RecurrentTranslator(
        spec.outputs, embedding_dim, units, cell, attention, dropout, name="translator"
    )
    logits = translator(inputs["source"], inputs["target_in"])  # (B, S), (B, T) -> (B, T, V)
    return keras.Model(inputs, logits, name=name)
