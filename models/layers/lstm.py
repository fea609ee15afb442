"""Keras's LSTM at the speed of TensorFlow's own kernel where it runs on a CPU.

Keras makes a TensorFlow loop of some ten small operations a step, forwards and backwards, and their
overhead is most of the time. One operation for all steps has none.
"""

from collections.abc import Callable

import keras
from keras.src import api_export

FLOAT = "float32"  # the kernel's types are this one and float16


def short_steps(builder: Callable) -> Callable:
    """Marks a builder whose training steps are a few short operations that do not share cores.

    Training then gives each operation one thread, makes several steps in one call and keeps memory.
    """
    builder.short_steps = True  # type: ignore[attr-defined]
    return builder


class LSTM(keras.layers.LSTM):
    """`keras.layers.LSTM`: the same arguments, weights, outputs and gradients, computed faster.

    Differs from Keras's in the loop over the steps alone, see `block_lstm.py`. Other backends,
    machines with a GPU and what the kernel cannot do (other activations, recurrent dropout,
    unrolling, no bias, other types) have Keras's loop. As with cuDNN, XLA cannot compile it.

    A saved model names `keras.layers.LSTM` and has its weights: Keras alone loads it, and where
    this module is imported, so is this class.

    Args:
        *arguments, **options: of `keras.layers.LSTM`.
        halves: whether two halves of a batch are computed side by side, since one operation keeps
            one core busy. It pays for a layer that runs alone on 64 rows, not in `Bidirectional`,
            whose directions run side by side. It is not saved.
    """

    def __init__(self, *arguments, halves: bool = False, **options):
        super().__init__(*arguments, **options)
        self.halves = halves
        if self._has_kernel():
            self.supports_jit = False

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if not self._has_kernel():
            return super().inner_loop(sequences, initial_state, mask, training=training)
        from models.layers import block_lstm  # imports TensorFlow

        if training and self.dropout:
            dropped = self.cell.get_dropout_mask(sequences[:, 0, :])  # the same at every step
            sequences = sequences * keras.ops.expand_dims(dropped, 1)
        cell = self.cell
        weights = (
            keras.ops.convert_to_tensor(weight)
            for weight in (cell.kernel, cell.recurrent_kernel, cell.bias)
        )
        return block_lstm.lstm(
            sequences, *initial_state, mask[0] if isinstance(mask, list) else mask, *weights,
            go_backwards=self.go_backwards, zero_output_for_mask=self.zero_output_for_mask,
            halves=self.halves,
        )  # fmt: skip

    def _has_kernel(self) -> bool:
        return (
            keras.config.backend() == "tensorflow"
            and (self.activation, self.recurrent_activation)
            == (keras.activations.tanh, keras.activations.sigmoid)
            and self.use_bias
            and not self.recurrent_dropout
            and not self.unroll
            and self.compute_dtype == FLOAT
            and not _has_gpu()
        )


def _has_gpu() -> bool:
    from models.layers import block_lstm

    return block_lstm.has_gpu()


# Keras's name for its layer now stands for this one as well: it is written and read by that name,
# also where Keras copies a layer (`Bidirectional`).
api_export.register_internal_serializable("keras.layers.LSTM", LSTM)
