"""Recurrent translation: one network reads, another one writes.

References: Sutskever, Vinyals and Le, "Sequence to Sequence Learning with Neural Networks",
NIPS 2014; Luong, Pham and Manning, "Effective Approaches to Attention-based Neural Machine
Translation", EMNLP 2015.
"""

import keras

from models.layers import RecurrentTranslator
from pipelines.spec import DataSpec


def seq2seq(
    spec: DataSpec,
    *,
    embedding_width: int = 96,
    units: int = 128,
    cell: str = "gru",
    dropout: float = 0.2,
) -> keras.Model:
    """All that the decoder learns of the source is the encoder's last state.

    Inputs: `source` (B, S) and `target_in` (B, T) sub-word ids. Output: (B, T, V) logits. Differs
    from the papers: one layer, not four; the encoder reads from both ends instead of from the last
    word; sub-words; one embedding for source, target and output.
    """
    return _translator(spec, embedding_width, units, cell, False, dropout, name="seq2seq")


def seq2seq_attention(
    spec: DataSpec,
    *,
    embedding_width: int = 96,
    units: int = 128,
    cell: str = "gru",
    dropout: float = 0.2,
) -> keras.Model:
    """Each decoder state also looks back at all source positions (Luong's global attention).

    Inputs and output as in `seq2seq`. Scores are dot products of the decoder's state and the
    projected memory, which is Luong's "general" score. Differs from the paper: no input feeding,
    so that all target positions are computed at once in training.
    """
    return _translator(spec, embedding_width, units, cell, True, dropout, name="seq2seq_attention")


def _translator(spec, embedding_width, units, cell, attention, dropout, name) -> keras.Model:
    inputs = {
        key: keras.Input(field.open_shape, dtype=field.dtype, name=key)
        for key, field in spec.inputs.items()
    }
    layer = RecurrentTranslator(
        spec.outputs, embedding_width, units, cell, attention, dropout, name="translator"
    )
    return keras.Model(inputs, layer(inputs["source"], inputs["target_in"]), name=name)
