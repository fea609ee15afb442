"""Labels for every step of a window, where events are labelled in train: supervised detectors."""

import keras
from keras import layers

from models.layers.lstm import LSTM
from models.layers.robust_scaling import scale
from pipelines.spec import DataSpec


def lstm_step_labeller(
    spec: DataSpec, *, units: int = 32, depth: int = 1, dropout: float = 0.2
) -> keras.Model:
    """Many to many: an LSTM gives the log-odds of an event at each step, from the steps so far.

    It learns what the labelled events look like, so it finds those well, and has no reason to find
    others: what is not labelled in train counts as normal.

    Input: history (B, T, C). Output: log-odds (B, T).

    Reference: Graves, "Supervised Sequence Labelling with Recurrent Neural Networks", 2012,
    https://doi.org/10.1007/978-3-642-24797-2. Differs from it: one direction only, since the steps
    to come are not known when a reading is judged.

    Args:
        spec: of a data set of anomaly detection, with events in train.
        units: size of the state.
        depth: number of recurrent layers, each reading the states of the one below.
        dropout: rate after each layer.
    """
    inputs, x = scale(spec)
    for number in range(depth):
        x = LSTM(units, return_sequences=True)(x)  # (B, T, units)
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    log_odds = layers.Dense(1, name="log_odds")(x)  # (B, T, 1)
    steps = spec.inputs["history"].shape[0]
    return keras.Model(inputs, layers.Reshape((steps,))(log_odds), name="lstm_step_labeller")
