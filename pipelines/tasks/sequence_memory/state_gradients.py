"""Gradients through time: how much the loss at the end depends on each step before it.

dL/dh_t, the gradient of the loss of the last step with respect to the state after step t, is what
backpropagation through time hands back: dL/dh_t = dL/dh_T (dh_T/dh_(T-1)) ... (dh_(t+1)/dh_t). Its
norm falls or grows exponentially with T - t where the factors are all below or all above 1
(Bengio, Simard and Frasconi 1994, https://doi.org/10.1109/72.279181; Pascanu, Mikolov and Bengio
2013, https://arxiv.org/abs/1211.5063).
"""

import keras
import numpy as np
import tensorflow as tf

from models.layers.sequence_inputs import MEMORY, READ

ROWS = 32  # sequences of which the root mean square is taken


def memory_of(model: keras.Model) -> keras.layers.RNN | None:
    """The recurrent layer, if it has one."""
    return next((layer for layer in model.layers if layer.name == MEMORY), None)


def of_states(model: keras.Model, sequences: np.ndarray, targets: np.ndarray, loss) -> np.ndarray:
    """(T,) root mean square over sequences of |dL/dh_t|.

    The state of an LSTM is both of its vectors, h_t and the cell state c_t.

    Args:
        model: with a recurrent layer, see models/layers/sequence_inputs.py.
        sequences: (n, T, C) or (n, T); the first 32 are taken.
        targets: (n, ...); of targets at every step the last one counts.
        loss: of the targets and the outputs of one step.
    """
    memory, outputs = memory_of(model), model.get_layer("outputs")
    read = keras.Model(model.inputs[0], model.get_layer(READ).output)(sequences[:ROWS])
    state = [tf.convert_to_tensor(s) for s in memory.get_initial_state(batch_size=len(read))]
    states = []
    with tf.GradientTape() as tape:
        tape.watch(state)
        for step in range(read.shape[1]):
            _, state = memory.cell(read[:, step], state)
            states.append(list(state))
        total = _total_loss(outputs(state[0]), targets, loss)
    gradients = tape.gradient(total, states)
    return np.array([_norm([g for g in of_step if g is not None]) for of_step in gradients])


def of_inputs(model: keras.Model, sequences: np.ndarray, targets: np.ndarray, loss) -> np.ndarray:
    """(T,) root mean square over sequences of |dL/dx_t|, with x_t the vector read at step t."""
    read = keras.Model(model.inputs[0], model.get_layer(READ).output)(sequences[:ROWS])
    above = keras.Model(model.get_layer(READ).output, model.output)
    with tf.GradientTape() as tape:
        tape.watch(read)
        outputs = above(read, training=False)
        last = outputs[:, -1] if outputs.shape.rank == 3 else outputs
        total = _total_loss(last, targets, loss)
    gradient = tape.gradient(total, read)
    return np.array([_norm([gradient[:, step]]) for step in range(read.shape[1])])


def spectral_radius(memory: keras.layers.RNN) -> float:
    """The largest absolute eigenvalue of the matrix between the states.

    Of a GRU or an LSTM, which have several, that of the candidate: the gates scale what it gives.
    """
    matrix = keras.ops.convert_to_numpy(memory.cell.recurrent_kernel)
    units = matrix.shape[0]
    # Keras's order: GRU update, reset, candidate; LSTM input, forget, candidate, output.
    first = 2 * units if matrix.shape[1] > units else 0
    return float(np.abs(np.linalg.eigvals(matrix[:, first : first + units])).max())


def _total_loss(outputs, targets: np.ndarray, loss):
    """Summed over sequences, so that the gradient of one does not depend on the others."""
    targets = np.asarray(targets[:ROWS])
    of_last = targets[:, -1] if targets.ndim == 2 else targets
    return loss(of_last, outputs) * len(of_last)


def _norm(gradients: list) -> float:
    """Root mean square over the rows of the norm of all vectors together."""
    squares = sum(tf.reduce_sum(tf.cast(g, tf.float64) ** 2, axis=1) for g in gradients)
    return float(tf.sqrt(tf.reduce_mean(squares)))
