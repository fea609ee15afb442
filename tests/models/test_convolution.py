"""What makes a convolution cheap, and what a network of them does with a shifted image."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

RNG = np.random.default_rng(1)
SIDE = 12


def conv(filters: int = 1, size: int = 3, channels: int = 1, **options) -> layers.Conv2D:
    layer = layers.Conv2D(filters, size, **options)
    layer.build((None, SIDE, SIDE, channels))
    return layer


def as_matrix(layer, side: int) -> np.ndarray:
    """(pixels of the output, pixels of the image): the linear map of a layer without bias."""
    basis = np.eye(side**2, dtype=np.float32).reshape(-1, side, side, 1)
    return ops.convert_to_numpy(layer(basis)).reshape(side**2, -1).T


def small_image() -> np.ndarray:
    """A blob of 3 x 3 pixels with empty space around it."""
    image = np.zeros((1, SIDE, SIDE, 1), np.float32)
    image[0, 4:7, 4:7, 0] = RNG.uniform(1, 2, (3, 3))
    return image


def test_a_convolution_is_a_sparse_matrix_with_shared_weights():
    layer = conv(use_bias=False)
    matrix = as_matrix(layer, 5)  # (9, 25)
    kernel = np.array(layer.kernel).ravel()
    assert matrix.shape == (9, 25)
    for row in matrix:
        assert (row != 0).sum() == 9  # sparse: 9 of 25
        np.testing.assert_array_equal(row[row != 0], kernel)  # shared: the same nine
    image = RNG.normal(size=(1, 5, 5, 1)).astype(np.float32)
    np.testing.assert_allclose(matrix @ image.ravel(), np.ravel(layer(image)), atol=1e-5)


def test_backpropagation_multiplies_by_the_transposed_matrix():
    layer = conv(use_bias=False)
    matrix, image = as_matrix(layer, 5), tf.constant(RNG.normal(size=(1, 5, 5, 1)), tf.float32)
    upstream = RNG.normal(size=(1, 3, 3, 1)).astype(np.float32)
    with tf.GradientTape() as tape:
        tape.watch(image)
        total = tf.reduce_sum(layer(image) * upstream)
    downstream = np.ravel(tape.gradient(total, image))
    np.testing.assert_allclose(downstream, matrix.T @ upstream.ravel(), atol=1e-5)


@pytest.mark.parametrize("side", [28, 100])
def test_weights_of_a_dense_layer_grow_with_the_image_and_those_of_a_kernel_do_not(side):
    """100 x 100 pixels are 10,000 dimensions: for as many outputs 10^8 weights, or 9."""
    pixels = side**2
    dense = layers.Dense(pixels, use_bias=False)
    one_unit = layers.Dense(1, use_bias=False)
    one_unit.build((None, pixels))
    assert one_unit.count_params() == pixels  # each unit adds one weight for each input
    assert dense.compute_output_shape((None, pixels)) == (None, pixels)
    kernel = conv(padding="same", use_bias=False)
    assert kernel.compute_output_shape((None, side, side, 1)) == (None, side, side, 1)
    assert (one_unit.count_params() * pixels, kernel.count_params()) == (pixels**2, 9)


def test_a_shift_of_the_image_shifts_the_responses():
    image, layer = small_image(), conv(3, padding="same", activation="relu")
    shifted = np.roll(image, (2, -3), axis=(1, 2))
    moved = np.roll(np.array(layer(image)), (2, -3), axis=(1, 2))
    np.testing.assert_allclose(layer(shifted), moved, atol=1e-6)


def test_after_pooling_over_all_places_the_answer_does_not_depend_on_the_place():
    """Of a dense layer it does."""
    keras.utils.set_random_seed(1)
    image, layer = small_image(), conv(4, padding="same", activation="relu")
    shifted = np.roll(image, (2, -3), axis=(1, 2))
    pooled, pooled_shifted = (layers.GlobalMaxPooling2D()(layer(x)) for x in (image, shifted))
    np.testing.assert_allclose(pooled, pooled_shifted, atol=1e-6)
    dense = layers.Dense(3)
    answer, answer_shifted = (np.array(dense(x.reshape(1, -1))) for x in (image, shifted))
    assert np.abs(answer - answer_shifted).max() > 0.1


def test_pooling_forgives_a_small_shift_and_slight_noise():
    """A maximum stays while it stays in its window, and noise below it is not seen."""
    spots = np.zeros((1, SIDE, SIDE, 1), np.float32)
    spots[0, 0::4, 0::4] = 1.0  # at the left of windows of 2 x 2
    pooled = np.array(layers.MaxPooling2D(2)(spots))
    np.testing.assert_array_equal(layers.MaxPooling2D(2)(np.roll(spots, 1, axis=2)), pooled)
    noise = RNG.uniform(0, 0.1, spots.shape).astype(np.float32)
    noisy = np.array(layers.MaxPooling2D(2)(np.maximum(spots, noise)))
    np.testing.assert_array_equal(noisy[pooled == 1], 1.0)


def test_pooling_over_filters_forgives_a_rotation():
    """Four filters that are one turned by 90 degrees: their maximum is the same for a turned image
    (maxout, Goodfellow et al. 2013, https://arxiv.org/abs/1302.4389)."""
    kernel = RNG.normal(size=(3, 3))
    layer = conv(4, use_bias=False)
    turned = np.stack([np.rot90(kernel, k) for k in range(4)], axis=-1)  # (3, 3, 4)
    layer.set_weights([turned[:, :, None]])
    image = RNG.normal(size=(1, 9, 9, 1)).astype(np.float32)
    best, best_turned = (
        np.array(layer(x)).max(axis=(1, 2, 3)) for x in (image, np.rot90(image, axes=(1, 2)).copy())
    )
    np.testing.assert_allclose(best, best_turned, atol=1e-5)
    alone = [np.array(layer(x))[..., 0].max() for x in (image, np.rot90(image, axes=(1, 2)).copy())]
    assert abs(alone[0] - alone[1]) > 0.1


@pytest.mark.parametrize(("pooling", "same"), [("max", True), ("average", False)])
def test_relu_before_or_after_pooling(pooling, same):
    """The slides apply it after: the same for the maximum, not for the mean."""
    kinds = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}
    pool = kinds[pooling](2)
    x = RNG.normal(size=(1, 8, 8, 1)).astype(np.float32)
    before, after = np.array(pool(ops.relu(x))), np.array(ops.relu(pool(x)))
    assert np.allclose(before, after) is same
