"""How much a forecast depends on each step of its history: the gradient's norm through time."""

import keras
import numpy as np

from models.layers.standardization import NETWORK_INPUT, NETWORK_OUTPUT

ROWS, PROBES = 64, 8


def through_time(model: keras.Model, history: np.ndarray, seed: int = 0) -> np.ndarray:
    """(h,) root mean square, over windows, of the norm of d forecast / d history at each step.

    Between what the network proper reads and what it answers, in deviations of train: what the
    window's mean adds to both ends is the same for every model, and would hide what vanishes. The
    norm is Frobenius's over forecast steps and columns, from random projections, as
    |J|^2 = E |vJ|^2 for v of independent signs (Hutchinson 1990).
    """
    import tensorflow as tf  # gradients with respect to inputs; scoring runs on this backend alone

    inner = keras.Model(
        model.get_layer(NETWORK_INPUT).output, model.get_layer(NETWORK_OUTPUT).output
    )
    rows = np.unique(np.linspace(0, len(history) - 1, ROWS).round().astype(int))
    outer = keras.Model(model.inputs[0], model.get_layer(NETWORK_INPUT).output)
    seen = outer(history[rows])
    rng, total = np.random.default_rng(seed), 0.0
    for _ in range(PROBES):
        with tf.GradientTape() as tape:
            tape.watch(seen)
            said = inner(seen, training=False)
            signs = rng.choice([-1.0, 1.0], size=said.shape).astype(np.float32)
            probe = tf.reduce_sum(said * signs)
        total = total + np.square(tape.gradient(probe, seen).numpy()).sum(axis=2)
    return np.sqrt(np.mean(total / PROBES, axis=0))
