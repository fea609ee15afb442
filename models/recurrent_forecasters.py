"""Recurrent forecasters: three kinds of memory, one way of using them.

References: Elman, "Finding structure in time", Cognitive Science 14(2), 1990; Hochreiter and
Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997; Cho et al., "Learning Phrase
Representations using RNN Encoder-Decoder", EMNLP 2014; Bengio, Simard and Frasconi, "Learning
long-term dependencies with gradient descent is difficult", IEEE Trans. Neural Networks 5(2), 1994.

All read the history (B, H, C) step by step and turn their last state into all steps of the future
at once, (B, F, C), or (B, F, C, Q) with quantiles; physical units on both sides. depth: layers, one
above the other. bidirectional: also read the history backwards, which is no cheating: all of it is
past. dropout: between layers and before the outputs.
"""

import keras
from keras import layers

from models.layers.windowed import say, see
from pipelines.spec import DataSpec


def elman_forecaster(
    spec: DataSpec,
    *,
    units: int = 32,
    depth: int = 1,
    dropout: float = 0.0,
    bidirectional: bool = False,
    remove_mean: bool = True,
    recurrent_start: str = "glorot_uniform",
) -> keras.Model:
    """The state is a tanh of the present reading and the previous state. What happened n steps ago
    has been multiplied n times by the recurrent matrix, so its gradient vanishes or explodes.

    recurrent_start: initializer of that matrix, by Keras's name. "orthogonal", Keras's own choice
    elsewhere, keeps lengths and so puts the vanishing off (Saxe et al. 2014). Differs from the
    paper: gradients go back through the whole history, not one step.
    """
    memories = [
        layers.SimpleRNN(units, return_sequences=True, recurrent_initializer=recurrent_start)
        for _ in range(depth)
    ]
    return _forecaster(spec, memories, dropout, bidirectional, remove_mean, "elman_forecaster")


def gru_forecaster(
    spec: DataSpec,
    *,
    units: int = 32,
    depth: int = 1,
    dropout: float = 0.0,
    bidirectional: bool = False,
    remove_mean: bool = True,
) -> keras.Model:
    """A gate decides how much of the state is kept and how much is new, another how much of the
    old state the new one is made from; what is kept is kept without a matrix.

    Differs from the paper: the reset gate acts after the recurrent matrix (Keras's default).
    """
    memories = [layers.GRU(units, return_sequences=True) for _ in range(depth)]
    return _forecaster(spec, memories, dropout, bidirectional, remove_mean, "gru_forecaster")


def lstm_forecaster(
    spec: DataSpec,
    *,
    units: int = 32,
    depth: int = 1,
    dropout: float = 0.0,
    bidirectional: bool = False,
    remove_mean: bool = True,
) -> keras.Model:
    """A cell beside the state is only ever scaled by a gate and added to, so a gradient can pass
    through many steps. Gates for what to keep, what to add and what to show.

    Differs from the paper: it has a gate for forgetting, which starts open (Gers et al. 2000).
    """
    memories = [layers.LSTM(units, return_sequences=True) for _ in range(depth)]
    return _forecaster(spec, memories, dropout, bidirectional, remove_mean, "lstm_forecaster")


def _forecaster(spec, memories, dropout, bidirectional, remove_mean, name) -> keras.Model:
    inputs, features, level = see(spec, remove_mean)
    memories[-1].return_sequences = False
    for number, memory in enumerate(memories):
        memory = layers.Bidirectional(memory) if bidirectional else memory
        features = layers.Dropout(dropout, name=f"dropout{number}")(memory(features))
    flat = layers.Dense(spec.outputs, name="outputs")(features)
    return keras.Model(inputs, say(spec, flat, level), name=name)
