"""Recurrent networks for tests of memory: Elman's network, GRU and LSTM, from several beginnings.

One recurrent layer reads the sequence x_1 ... x_T; its equations are in recurrent_forecasters.py. A
linear layer answers from the last state, or at every step where the target has a value at each.
Input (B, T, C) numbers or (B, T) ids; output (B, outputs) or (B, T, outputs).

Reference: Bai, Kolter and Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent
Networks for Sequence Modeling", 2018, https://arxiv.org/abs/1803.01271. Differs from it: their
recurrent networks begin with Keras's and PyTorch's defaults; those that are known to remember
longer are here too, since a comparison with the others alone is unfair.
"""

from typing import Literal

import keras
from keras import layers

from models.layers.chrono import ChronoBias
from models.layers.lstm import LSTM
from models.layers.sequence_inputs import MEMORY, answers_every_step, read_sequence, total_steps
from pipelines.spec import DataSpec

INPUT_DEVIATION = 0.001  # of the input weights that Le et al. begin with


def elman_sequence_model(
    spec: DataSpec,
    *,
    units: int = 64,
    activation: Literal["tanh", "relu"] = "tanh",
    recurrent_initializer: Literal["glorot_uniform", "orthogonal", "identity"] = "glorot_uniform",
) -> keras.Model:
    """Simple recurrent network (Elman 1990), also as the IRNN (Le, Jaitly and Hinton 2015).

        h_t = activation(W x_t + U h_(t-1))

    The gradient through n steps is a product of n factors diag(activation') U: it vanishes where
    the largest eigenvalue of U is below 1 and may explode where it is above. With "relu" and
    "identity", U = I and small inputs (standard deviation 0.001), so the first network copies its
    state from step to step, and neither happens at first. "orthogonal" keeps the norm of the state
    too (Saxe et al. 2014).

    References: https://doi.org/10.1207/s15516709cog1402_1; "A Simple Way to Initialize Recurrent
    Networks of Rectified Linear Units", https://arxiv.org/abs/1504.00941; https://arxiv.org/abs/1312.6120.

    Args:
        spec: of a data set of sequences.
        units: size of the state.
        activation: tanh or relu.
        recurrent_initializer: of U.
    """
    recurrent = keras.initializers.get(recurrent_initializer)
    kernel = keras.initializers.GlorotUniform()
    if recurrent_initializer == "identity":
        kernel = keras.initializers.RandomNormal(stddev=INPUT_DEVIATION)
    layer = layers.SimpleRNN(
        units, activation, kernel_initializer=kernel, recurrent_initializer=recurrent,
        return_sequences=answers_every_step(spec), name=MEMORY,
    )  # fmt: skip
    return _sequence_model(spec, layer, "elman_sequence_model")


def gru_sequence_model(spec: DataSpec, *, units: int = 64, chrono: bool = False) -> keras.Model:
    """Gated recurrent unit (Cho et al. 2014).

    Where the update gate is near 1 the state is copied without a matrix, so its gradient passes.

    References: https://arxiv.org/abs/1406.1078; https://arxiv.org/abs/1804.11188.

    Args:
        spec: of a data set of sequences.
        units: size of the state.
        chrono: the update gates begin open for 1 to T steps (layers/chrono.py); else their bias is
            0, and a state halves with each step.
    """
    bias = ChronoBias(total_steps(spec), (1, 0, 0)) if chrono else "zeros"
    layer = layers.GRU(
        units, bias_initializer=bias, return_sequences=answers_every_step(spec), name=MEMORY
    )
    return _sequence_model(spec, layer, "gru_sequence_model")


def lstm_sequence_model(spec: DataSpec, *, units: int = 64, chrono: bool = True) -> keras.Model:
    """Long short-term memory (Hochreiter and Schmidhuber 1997).

    The cell state changes only by the forget gate's factor and by adding: no matrix is in the way
    of its gradient.

    References: https://doi.org/10.1162/neco.1997.9.8.1735; "Can recurrent neural networks warp
    time?", https://arxiv.org/abs/1804.11188.

    Args:
        spec: of a data set of sequences.
        units: size of the state, and of the cell state.
        chrono: the forget gates begin open for 1 to T steps (layers/chrono.py); else their bias is
            1 (Gers et al. 2000), and a cell state falls by 27 % with each step.
    """
    bias = ChronoBias(total_steps(spec), (-1, 1, 0, 0)) if chrono else "zeros"
    layer = LSTM(
        units, bias_initializer=bias, unit_forget_bias=not chrono,
        return_sequences=answers_every_step(spec), name=MEMORY,
    )  # fmt: skip
    return _sequence_model(spec, layer, "lstm_sequence_model")


def _sequence_model(spec: DataSpec, layer: keras.layers.RNN, name: str) -> keras.Model:
    inputs, x = read_sequence(spec)  # (B, T, C)
    states = layer(x)  # (B, U) or (B, T, U)
    outputs = layers.Dense(spec.outputs, name="outputs")(states)
    return keras.Model({inputs.name: inputs}, outputs, name=name)
