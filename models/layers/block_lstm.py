"""TensorFlow's LSTM kernel for CPUs: all steps in one operation, with a gradient of its own.

`BlockLSTM` (https://www.tensorflow.org/api_docs/python/tf/raw_ops/BlockLSTM) is used without its
additional bias of the forget gate, without peepholes and without clipping. It has the gates in the
order input, candidate, forget, output, Keras in the order input, forget, candidate, output.
`BlockLSTMV2` has Keras's order, but in TensorFlow 2.21 its gradient is that of the other order, and
wrong. Imported only where TensorFlow is Keras's backend.

Shapes: B rows, T steps, D features, U units.
"""

import functools
import itertools

import tensorflow as tf


def has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


def lstm(
    inputs, hidden, carry, mask, kernel, recurrent_kernel, bias, *, go_backwards: bool,
    zero_output_for_mask: bool, halves: bool,
) -> tuple:  # fmt: skip
    """What Keras's LSTM computes, step by step: (last output, all outputs, [hidden, carry]).

    The kernel knows no mask. So the real steps of a row are moved to its front, in their order, and
    what is behind them is not used: a masked step repeats the output and the states of the step
    before, or outputs zero.

    Args:
        inputs: (B, T, D).
        hidden, carry: (B, U), the first states.
        mask: (B, T), true for real steps; or None.
        kernel: (D, 4 U), of the inputs.
        recurrent_kernel: (U, 4 U), of the hidden state.
        bias: (4 U,).
        go_backwards: whether the last step is read first; outputs are in the order of reading.
        zero_output_for_mask: whether a masked step outputs zero.
        halves: whether two halves of the rows are computed side by side.
    """
    if go_backwards:
        inputs = tf.reverse(inputs, [1])
    if inputs.shape[2] % 2:  # the kernel is slower with odd numbers, and warns at every call
        inputs = tf.pad(inputs, [[0, 0], [0, 0], [0, 1]])
        kernel = tf.pad(kernel, [[0, 1], [0, 0]])
    weights = tf.concat([kernel, recurrent_kernel], axis=0)
    run = functools.partial(
        _parts, 2 if halves else 1, hidden, carry, _block_order(weights), _block_order(bias)
    )
    if mask is None:
        steps = tf.transpose(inputs, (1, 0, 2))  # (T, B, D)
        hiddens, carries = run(steps, tf.shape(steps)[0])
        last = hiddens[-1]
        return last, tf.transpose(hiddens, (1, 0, 2)), [last, carries[-1]]
    mask = tf.cast(tf.reverse(mask, [1]) if go_backwards else mask, tf.int32)
    rows, length = tf.unstack(tf.shape(mask))
    row, step = tf.range(rows)[:, None], tf.range(length)
    read = tf.cumsum(mask, axis=1)  # (B, T), real steps so far
    count = read[:, -1:]  # (B, 1)
    place = tf.where(mask > 0, read - 1, count + step - read) * rows + row  # in (T * B,)
    order = tf.math.invert_permutation(tf.reshape(place, [-1]))
    steps = _take(tf.reshape(inputs, (rows * length, inputs.shape[2])), order)
    steps = tf.reshape(steps, (length, rows, inputs.shape[2]))
    longest = tf.maximum(tf.reduce_max(count), 0)  # 0 without rows
    hiddens, carries = run(steps, longest)
    latest = tf.maximum(read - 1, 0) * rows + row  # (B, T), the real step at or before each
    shown = mask if zero_output_for_mask else tf.cast(read > 0, tf.int32)
    flat = tf.reshape(hiddens, (length * rows, hidden.shape[1]))
    outputs = _take(flat, latest) * tf.cast(shown, flat.dtype)[:, :, None]  # (B, T, U)
    flat_carries = tf.reshape(carries, (length * rows, hidden.shape[1]))
    states = [
        tf.where(count > 0, _take(after, latest[:, -1]), first)
        for after, first in ((flat, hidden), (flat_carries, carry))
    ]
    return outputs[:, -1], outputs, states


def _block_order(weights):
    """(..., 4 U) weights with Keras's order of gates, in the kernel's."""
    read, forget, candidate, output = tf.split(weights, 4, axis=-1)
    return tf.concat([read, candidate, forget, output], axis=-1)


@tf.custom_gradient
def _take(rows, places):
    """tf.gather, whose gradient would be sparse and be made dense anyway."""

    def gradient(upstream):
        return tf.math.unsorted_segment_sum(upstream, places, tf.shape(rows)[0]), None

    return tf.gather(rows, places), gradient


def _parts(count: int, hidden, carry, kernel, bias, steps, length) -> tuple:
    """(T, B, U) hidden and carried states of all rows, computed in `count` parts of them."""
    rows = tf.shape(hidden)[0]
    lacking = tf.maximum(count - rows, 0)  # the kernel ends the process if it is given no rows
    steps = tf.pad(steps, [[0, 0], [0, lacking], [0, 0]])
    hidden, carry = (tf.pad(state, [[0, lacking], [0, 0]]) for state in (hidden, carry))
    size = (rows + lacking) // count
    ends = [part * size for part in range(count)] + [None]
    states = [
        _block(steps[:, part], length, hidden[part], carry[part], kernel, bias)
        for part in itertools.starmap(slice, itertools.pairwise(ends))
    ]
    joined = states[0] if count == 1 else (tf.concat(pair, 1) for pair in zip(*states, strict=True))
    return tuple(state[:, :rows] for state in joined)


def _block(steps, length, hidden, carry, kernel, bias) -> tuple:
    """(T, B, U) hidden and carried states; zero after `length` steps."""
    unused = tf.zeros((hidden.shape[1],), hidden.dtype)  # weights of peepholes
    states = tf.raw_ops.BlockLSTM(
        seq_len_max=tf.cast(length, tf.int64), x=steps, cs_prev=carry, h_prev=hidden, w=kernel,
        wci=unused, wcf=unused, wco=unused, b=bias, forget_bias=0.0,
        cell_clip=0.0, use_peephole=False,
    )  # fmt: skip
    return states.h, states.cs
