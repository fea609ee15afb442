"""Biases of gates that remember for a given time.

Reference: Tallec and Ollivier, "Can recurrent neural networks warp time?", ICLR 2018,
https://arxiv.org/abs/1804.11188.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("models")
class ChronoBias(keras.initializers.Initializer):
    """The gate that keeps the state is open for 1 to `steps` - 1 steps, another time for each unit.

    With bias b a forget gate is sigmoid(b) at first and keeps a memory for about 1 + e^b steps;
    b = log u with u uniform in [1, steps - 1]. An LSTM's input gate gets -b: what is kept is
    overwritten as slowly. All other biases are 0.

    Args:
        steps: the longest time between an input and its use.
        gates: for each block of the bias, in Keras's order, the factor of b: LSTM (input, forget,
            cell, output) (-1, 1, 0, 0); GRU (update, reset, candidate) (1, 0, 0), as Keras's
            update gate is the share of the old state.
        seed: of the draw; null takes Keras's global one.
    """

    def __init__(self, steps: int, gates: tuple[int, ...], seed: int | None = None):
        self.steps, self.gates, self.seed = steps, tuple(gates), seed

    def __call__(self, shape, dtype=None):
        *rows, size = shape  # (blocks * units,); a GRU has two biases, (2, blocks * units)
        units = size // len(self.gates)
        longest = max(self.steps - 1, 1)
        bias = ops.log(keras.random.uniform((units,), 1.0, longest, dtype, self.seed))
        first = ops.concatenate([factor * bias for factor in self.gates])
        if not rows:
            return first
        return ops.stack([first, *[ops.zeros_like(first)] * (rows[0] - 1)])

    def get_config(self):
        return {"steps": self.steps, "gates": self.gates, "seed": self.seed}
