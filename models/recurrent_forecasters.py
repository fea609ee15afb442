"""Recurrent forecasters with three kinds of cells: Elman's simple RNN, GRU and LSTM.

A recurrent network reads the history x_1 ... x_H step by step and keeps a state h_t. Here the last
state h_H goes through a linear layer that gives all F steps of the forecast at once (direct
multi-step forecasting). In the equations * is the element-wise product, and biases are left out.
Input of all: history (B, H, C). Output: (B, F, C), or (B, F, C, Q) with quantiles; physical units.
"""

import keras
from keras import layers

from models.layers.lstm import LSTM, short_steps
from models.layers.standardization import denormalize, standardize
from pipelines.spec import DataSpec


def elman_forecaster(
    spec: DataSpec,
    *,
    units: int = 32,
    depth: int = 1,
    dropout: float = 0.0,
    bidirectional: bool = False,
    remove_mean: bool = True,
    recurrent_initializer: str = "glorot_uniform",
) -> keras.Model:
    """Simple recurrent network (Elman 1990).

        h_t = tanh(W x_t + U h_(t-1))

    The gradient of h_t with respect to h_(t-n) is a product of n factors diag(1 - h^2) U, so it
    vanishes or explodes exponentially with n (Bengio, Simard and Frasconi 1994): the network
    hardly learns what depends on steps long past. GRU and LSTM are made against this.

    Differs from the paper: backpropagation through the whole history, not through one step.

    References: "Finding structure in time", https://doi.org/10.1207/s15516709cog1402_1; "Learning
    long-term dependencies with gradient descent is difficult", https://doi.org/10.1109/72.279181.

    Args:
        spec: of a forecasting data set.
        units: size of the state.
        depth: number of recurrent layers, each reading the states of the one below.
        dropout: rate after each layer.
        bidirectional: also read the history backwards; all of it is past, so nothing leaks.
        remove_mean: forecast deviations from the window's mean, see layers/standardization.py.
        recurrent_initializer: of U, by Keras's name. "orthogonal" keeps the norm of the state and
            delays vanishing (Saxe et al. 2014, https://arxiv.org/abs/1312.6120).
    """
    recurrent_layers = [
        layers.SimpleRNN(units, return_sequences=True, recurrent_initializer=recurrent_initializer)
        for _ in range(depth)
    ]
    return _forecaster(
        spec, recurrent_layers, dropout, bidirectional, remove_mean, "elman_forecaster"
    )


def gru_forecaster(
    spec: DataSpec,
    *,
    units: int = 32,
    depth: int = 1,
    dropout: float = 0.0,
    bidirectional: bool = False,
    remove_mean: bool = True,
) -> keras.Model:
    """Gated recurrent unit (Cho et al. 2014).

        z_t = sigmoid(W_z x_t + U_z h_(t-1))        update gate
        r_t = sigmoid(W_r x_t + U_r h_(t-1))        reset gate
        h~  = tanh(W_h x_t + r_t * (U_h h_(t-1)))   candidate
        h_t = z_t * h_(t-1) + (1 - z_t) * h~

    The update gate decides how much of the old state stays, the reset gate how much of it the
    candidate sees. Where z_t is near 1 the state is copied without a matrix, so the gradient
    passes through many steps.

    Differs from the paper: the reset gate acts after U_h, not before it (Keras's default, which
    has the faster implementations).

    Reference: "Learning Phrase Representations using RNN Encoder-Decoder",
    https://arxiv.org/abs/1406.1078.

    Args:
        spec: of a forecasting data set.
        units: size of the state.
        depth: number of recurrent layers, each reading the states of the one below.
        dropout: rate after each layer.
        bidirectional: also read the history backwards; all of it is past, so nothing leaks.
        remove_mean: forecast deviations from the window's mean, see layers/standardization.py.
    """
    recurrent_layers = [layers.GRU(units, return_sequences=True) for _ in range(depth)]
    return _forecaster(
        spec, recurrent_layers, dropout, bidirectional, remove_mean, "gru_forecaster"
    )


@short_steps
def lstm_forecaster(
    spec: DataSpec,
    *,
    units: int = 32,
    depth: int = 1,
    dropout: float = 0.0,
    bidirectional: bool = False,
    remove_mean: bool = True,
) -> keras.Model:
    """Long short-term memory (Hochreiter and Schmidhuber 1997).

        f_t = sigmoid(W_f x_t + U_f h_(t-1))        forget gate
        i_t = sigmoid(W_i x_t + U_i h_(t-1))        input gate
        o_t = sigmoid(W_o x_t + U_o h_(t-1))        output gate
        c_t = f_t * c_(t-1) + i_t * tanh(W_c x_t + U_c h_(t-1))
        h_t = o_t * tanh(c_t)

    The cell state c_t changes only by scaling and adding, never through a matrix, so its gradient
    does not vanish where the forget gate is open.

    Differs from the paper: it has a forget gate, whose bias starts at 1 (Gers et al. 2000,
    https://doi.org/10.1162/089976600300015015), and full backpropagation through time.

    Reference: "Long Short-Term Memory", https://doi.org/10.1162/neco.1997.9.8.1735.

    Args:
        spec: of a forecasting data set.
        units: size of the state, and of the cell state.
        depth: number of recurrent layers, each reading the states of the one below.
        dropout: rate after each layer.
        bidirectional: also read the history backwards; all of it is past, so nothing leaks.
        remove_mean: forecast deviations from the window's mean, see layers/standardization.py.
    """
    recurrent_layers = [
        LSTM(units, return_sequences=True, halves=not bidirectional) for _ in range(depth)
    ]
    return _forecaster(
        spec, recurrent_layers, dropout, bidirectional, remove_mean, "lstm_forecaster"
    )


def _forecaster(
    spec: DataSpec, recurrent_layers: list, dropout: float, bidirectional: bool,
    remove_mean: bool, name: str,
) -> keras.Model:  # fmt: skip
    inputs, x, level = standardize(spec, remove_mean)  # (B, H, C)
    recurrent_layers[-1].return_sequences = False
    for number, layer in enumerate(recurrent_layers):
        layer = layers.Bidirectional(layer) if bidirectional else layer
        x = layers.Dropout(dropout, name=f"dropout{number}")(layer(x))  # (B, H, U), last (B, U)
    flat = layers.Dense(spec.outputs, name="outputs")(x)  # (B, F * C * Q)
    return keras.Model(inputs, denormalize(spec, flat, level), name=name)
