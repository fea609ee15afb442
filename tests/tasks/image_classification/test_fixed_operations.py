"""The course's worked examples of convolution and pooling, with its numbers."""

import numpy as np
import pytest
from keras import layers, ops

from pipelines.tasks.image_classification.fixed_operations import (
    KERNELS,
    POOLINGS,
    convolve,
    pool,
    toeplitz,
)

FIVE = np.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2],
                 [2, 0, 0, 0, 1]])  # fmt: skip
# The slides have it as an image; it is the one with small numbers that gives all their answers.
SIX = np.array([[0, 0, 0, 0, 0, 0], [0, 1, 2, 2, 1, 0], [0, 2, 4, 4, 2, 0], [0, 1, 3, 3, 1, 0],
                [0, 1, 2, 3, 1, 0], [0, 0, 1, 1, 0, 0]])  # fmt: skip
# Row 3, column 4 is 2; the slide prints 3.
EDGES = np.array([[0, -1, -1, 0], [-2, -5, -5, -2], [2, -2, -1, 2], [-1, 0, -5, 0]])


def of_keras(image, kernel, **options):
    """The same by the layer that networks have."""
    layer = layers.Conv2D(1, kernel.shape, use_bias=False, **options)
    layer.build((None, *image.shape, 1))
    layer.set_weights([kernel[..., None, None]])
    return ops.convert_to_numpy(layer(image[None, ..., None].astype(np.float32)))[0, ..., 0]


def test_five_by_five_by_three_by_three():
    kernel = np.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]])
    expected = [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
    np.testing.assert_array_equal(convolve(FIVE, kernel), expected)
    np.testing.assert_allclose(of_keras(FIVE, kernel), expected, atol=1e-5)


def test_the_edge_filter():
    np.testing.assert_array_equal(convolve(SIX, KERNELS["edges"]), EDGES)
    np.testing.assert_allclose(of_keras(SIX, KERNELS["edges"]), EDGES, atol=1e-5)


def test_max_pooling_of_the_edges():
    """The slide's answer, from the slide's matrix."""
    printed = EDGES.copy()
    printed[2, 3] = 3
    np.testing.assert_array_equal(pool(printed, 2, np.max), [[0, 0], [2, 3]])
    pooled = layers.MaxPooling2D(2)(printed[None, ..., None].astype(np.float32))
    np.testing.assert_array_equal(ops.convert_to_numpy(pooled)[0, ..., 0], [[0, 0], [2, 3]])


def test_stride_two():
    kernel = np.array([[0, 1], [1, -2]])
    expected = [[-2, -2, 1], [0, 1, 1], [1, 2, 0]]
    np.testing.assert_array_equal(convolve(SIX, kernel, stride=2), expected)
    np.testing.assert_allclose(of_keras(SIX, kernel, strides=2), expected, atol=1e-5)


def test_a_convolution_is_a_toeplitz_matrix():
    matrix = toeplitz(np.array([1, 2]), 4)
    np.testing.assert_array_equal(matrix, [[1, 2, 0, 0], [0, 1, 2, 0], [0, 0, 1, 2], [0, 0, 0, 1]])
    np.testing.assert_array_equal(matrix @ [1, 2, 3, 4], [5, 8, 11, 4])


def test_flattening_is_row_by_row():
    matrix = np.array([[11, 12, 13], [21, 22, 23]])
    flat = ops.convert_to_numpy(layers.Flatten()(matrix[None]))
    np.testing.assert_array_equal(flat, [[11, 12, 13, 21, 22, 23]])


def test_a_photograph_has_many_features():
    assert layers.Flatten().compute_output_shape((100, 200, 200, 3)) == (100, 120_000)
    assert 100 * 120_000 == 12_000_000


def test_what_the_kernels_do():
    """Nothing has no edges; sharpening and blurring keep the brightness."""
    flat = np.full((6, 6), 7.0)
    for name, total in (("edges", 0), ("sharpen", 1), ("box blur", 1)):
        assert KERNELS[name].sum() == pytest.approx(total)
        np.testing.assert_allclose(convolve(flat, KERNELS[name]), 7.0 * total, atol=1e-12)


@pytest.mark.parametrize("size", [2, 4])
def test_poolings_are_in_order(size):
    image = np.random.default_rng(0).normal(size=(13, 9))
    pooled = {name: pool(image, size, function) for name, function in POOLINGS.items()}
    assert all(values.shape == (13 // size, 9 // size) for values in pooled.values())
    assert (pooled["minimum"] <= pooled["median"]).all()
    assert (pooled["median"] <= pooled["maximum"]).all()
    for name, layer in (("maximum", layers.MaxPooling2D), ("mean", layers.AveragePooling2D)):
        expected = ops.convert_to_numpy(layer(size)(image[None, ..., None]))[0, ..., 0]
        np.testing.assert_allclose(pooled[name], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("stride", "padding", "side"), [(1, 0, 4), (1, 1, 6), (2, 0, 2), (2, 1, 3)]
)
def test_the_size_of_the_response(stride, padding, side):
    assert convolve(SIX, KERNELS["edges"], stride, padding).shape == (side, side)


# The slide has it as an image; it is one that gives all answers of both poolings.
FOUR_BY_FIVE = np.array([[0, 2.3, 0, 1.3, 0], [2.7, 3.2, 2.1, 1.5, 0], [1.5, 0, 3.8, 0, 4.3],
                         [2.3, 2.3, 1.5, 0.7, 2.1]])  # fmt: skip
MAXIMA = [[3.2, 3.2, 2.1, 1.5], [3.2, 3.8, 3.8, 4.3], [2.3, 3.8, 3.8, 4.3]]
MEANS = [[2.05, 1.9, 1.225, 0.7], [1.85, 2.275, 1.85, 1.45], [1.525, 1.9, 1.5, 1.775]]


@pytest.mark.parametrize(
    ("layer", "expected"), [(layers.MaxPooling2D, MAXIMA), (layers.AveragePooling2D, MEANS)]
)
def test_pooling_with_windows_that_overlap(layer, expected):
    """2 x 2 windows at stride 1."""
    pooled = layer(2, strides=1)(FOUR_BY_FIVE[None, ..., None].astype(np.float32))
    np.testing.assert_allclose(ops.convert_to_numpy(pooled)[0, ..., 0], expected, atol=1e-6)


def test_the_order_of_a_tensor_is_its_number_of_axes():
    """Scalar, vector, matrix (2, not 3 as one slide has it), colour image, images, movies."""
    shapes = [(), (3,), (2, 3), (3, 4, 6), (10, 8, 8, 3), (10, 12, 8, 8, 3)]
    assert [np.zeros(shape).ndim for shape in shapes] == [0, 1, 2, 3, 4, 5]
    assert layers.Conv2D(7, 3).compute_output_shape((10, 8, 8, 3)) == (10, 6, 6, 7)
    kernel = layers.Conv2D(7, (3, 2))
    kernel.build((10, 8, 8, 3))
    assert tuple(kernel.kernel.shape) == (3, 2, 3, 7)  # height, width, depth, filters


def test_vectorization_column_first():
    """As MATLAB's A(:); of a tensor slice by slice. NumPy and Keras flatten row by row."""
    matrix = np.array([[1, 2], [3, 4]])
    assert matrix.ravel("F").tolist() == [1, 3, 2, 4]
    tensor = np.arange(3 * 4 * 6).reshape(3, 4, 6)
    by_slice = np.concatenate([tensor[:, :, k].ravel("F") for k in range(6)])
    np.testing.assert_array_equal(tensor.ravel("F"), by_slice)
    columns_first = layers.Flatten()(ops.transpose(matrix[None], (0, 2, 1)))
    assert ops.convert_to_numpy(columns_first).tolist() == [[1, 3, 2, 4]]
