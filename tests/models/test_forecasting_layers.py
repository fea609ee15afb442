"""Layers of forecasters against their equations: causal convolution, SegRNN, the blend."""

import keras
import numpy as np
import pytest
from keras import ops

from models.layers.causal_conv import CausalConv1D, covering_dilations, receptive_field
from models.layers.ensembles import BlendWithFixed
from models.layers.segrnn import MergeChannels, ParallelDecoderStates, Segments


@pytest.mark.parametrize(("kernel", "dilations"), [(2, [1, 2, 4]), (3, [1, 2]), (3, [1, 3])])
def test_receptive_field_by_gradients(kernel, dilations):
    """Linear blocks, because a rectifier can block a gradient."""
    import tensorflow as tf

    steps = 40
    x = inputs = keras.Input((steps, 1))
    for dilation in dilations:
        for _ in range(2):
            x = CausalConv1D(3, kernel, dilation_rate=dilation)(x)
    network, history = keras.Model(inputs, x), tf.random.normal((1, steps, 1))
    with tf.GradientTape() as tape:
        tape.watch(history)
        last = tf.reduce_sum(network(history)[:, -1])
    nonzero = np.flatnonzero(tape.gradient(last, history).numpy()[0, :, 0])
    assert steps - nonzero[0] == receptive_field(kernel, dilations)


def test_receptive_field_by_hand():
    assert receptive_field(3, [1, 2, 4, 8]) == 61  # 1 + 2 * 2 * 15
    assert covering_dilations(3, 61) == [1, 2, 4, 8]
    assert covering_dilations(3, 62) == [1, 2, 4, 8, 16]
    assert covering_dilations(3, 1) == [1]


def test_weight_normalisation_ignores_the_length_of_the_direction():
    layer = CausalConv1D(3, 2, use_bias=False)
    layer.build((None, 9, 4))
    length = np.linalg.norm(ops.convert_to_numpy(layer.kernel), axis=(0, 1))
    np.testing.assert_allclose(np.sqrt(np.sum(length**2)), np.sqrt(3 * 2), rtol=1e-5)
    x = np.random.default_rng(0).standard_normal((2, 9, 4)).astype(np.float32)
    before = ops.convert_to_numpy(layer(x))
    direction = layer.weights[0] if layer.weights[0].shape != (3,) else layer.weights[1]
    direction.assign(7 * direction)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), before, rtol=1e-5, atol=1e-5)
    layer.gain.assign(2 * layer.gain)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), 2 * before, rtol=1e-5, atol=1e-5)


def test_segments_are_the_latest_steps_of_each_column():
    history = np.arange(2 * 7 * 2, dtype=np.float32).reshape(2, 7, 2)
    segments = ops.convert_to_numpy(Segments(3)(history))
    assert segments.shape == (4, 2, 3)
    np.testing.assert_array_equal(segments[1], history[0, 1:, 1].reshape(2, 3))
    merged = ops.convert_to_numpy(MergeChannels(2)(segments.reshape(4, 6)))
    np.testing.assert_array_equal(merged[1, 0], history[1, 1:, 0])


def test_parallel_decoder_states_are_one_step_of_keras_s_gru():
    """From the same state, with an input for each segment and channel."""
    channels, segments, units = 2, 3, 4
    layer = ParallelDecoderStates(segments, channels)
    state = np.random.default_rng(0).standard_normal((3 * channels, units)).astype(np.float32)
    layer.build(state.shape)
    cell = keras.layers.GRUCell(units)
    cell.build((None, units))
    matrices = [np.asarray(x) for x in (layer.input_gates.kernel, layer.state_gates.kernel)]
    biases = np.random.default_rng(1).standard_normal((2, 3 * units))
    for dense, bias in zip((layer.input_gates, layer.state_gates), biases, strict=True):
        dense.bias.assign(bias)
    cell.set_weights([*matrices, biases])
    states = ops.convert_to_numpy(layer(state)).reshape(3, channels, segments, units)
    for channel in range(channels):
        for segment in range(segments):
            embedding = np.concatenate([layer.segment[segment], layer.channel[channel]])
            before = state.reshape(3, channels, units)[:, channel]
            after, _ = cell(np.tile(embedding, (3, 1)), [before])
            np.testing.assert_allclose(states[:, channel, segment], after, atol=1e-5)


def test_blending_moves_all_quantiles_at_inference_only():
    trained, fixed = np.array([[1.0, 2.0, 5.0]]), np.array([[4.0]])
    layer = BlendWithFixed(1)
    assert ops.convert_to_numpy(layer([trained, fixed])).tolist() == [[2, 3, 6]]
    assert ops.convert_to_numpy(layer([trained, fixed], training=True)).tolist() == [[1, 2, 5]]
