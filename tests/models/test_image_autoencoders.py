"""Autoencoders of images: a linear one is PCA, sides that cannot be halved, the code."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import minimize
from sklearn.datasets import load_digits

import models
from models.classical.pca_images import pca_images
from models.image_autoencoders import CODE
from pipelines.classical.reconstruction import intensities
from pipelines.config import loader
from pipelines.tasks.image_reconstruction.with_code import with_code
from tests.support.model_checks import image_spec

SPEC = image_spec(8, 8, 1, 10)
ROWS = 300


def build(builder: str, spec=SPEC, **arguments) -> keras.Model:
    keras.utils.set_random_seed(1)
    return models.build(spec, "image_autoencoders", builder, **arguments)


@pytest.mark.slow
def test_a_linear_autoencoder_comes_near_to_pca_and_does_not_beat_it():
    """Eckart and Young: no linear code of the same size has a smaller squared error on train."""
    images = np.rint(load_digits().images[:ROWS, ..., None] * 255 / 16).astype(np.uint8)
    targets = intensities(images)
    pca = pca_images(SPEC, code_dim=4)
    pca.fit({"image": images}, {"image": images}, seed=1)
    centred = targets.reshape(ROWS, -1) - pca.mean
    best = float(np.mean((centred - centred @ pca.directions.T @ pca.directions) ** 2))

    model = build("dense_autoencoder", code_dim=4, units=())
    loss = loader.task_module("image_reconstruction", "objective").loss(SPEC)
    error = minimized(model, loss, images)
    assert best * (1 - 1e-5) < error < 1.01 * best


def minimized(model: keras.Model, loss, images: np.ndarray) -> float:
    """The least loss that a quasi-Newton method gets to from the model's weights."""
    shapes = [weight.shape for weight in model.trainable_weights]
    ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            value = loss(images, model({"image": images}, training=True))
        return value, tape.gradient(value, [w.value for w in model.trainable_weights])

    def value_and_gradient(flat: np.ndarray):
        for weight, part in zip(model.trainable_weights, np.split(flat, ends), strict=True):
            weight.assign(part.reshape(weight.shape))
        value, parts = gradients()
        return float(value), np.concatenate([np.ravel(part) for part in parts]).astype(np.float64)

    start = np.concatenate([np.ravel(weight) for weight in model.trainable_weights])
    return minimize(value_and_gradient, start, jac=True, method="L-BFGS-B").fun


@pytest.mark.parametrize("builder", ["dense_autoencoder", "conv_autoencoder"])
@pytest.mark.parametrize("shape", [(8, 8, 1), (7, 5, 3), (1, 9, 1)])
def test_any_size_comes_back_with_a_code_in_between(builder, shape):
    spec = image_spec(*shape, 2)
    model = build(builder, spec, code_dim=3)
    assert model.output_shape == (None, *shape)
    assert model.get_layer(CODE).output.shape == (None, 3)


@pytest.mark.parametrize("builder", ["dense_autoencoder", "conv_autoencoder"])
def test_the_reconstruction_depends_on_the_code_alone(builder):
    """Nothing goes around it: the decoder makes the same image of the same code."""
    model = build(builder, code_dim=2)
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1)).astype(np.uint8)
    both = with_code(model)({"image": images})
    code = both["code"]
    start = model.layers.index(model.get_layer(CODE)) + 1
    values = code
    for layer in model.layers[start:]:
        values = layer(values)
    np.testing.assert_allclose(both["reconstruction"], np.clip(values, 0, 1), atol=1e-6)
    assert code.shape == (5, 2) and np.ptp(code, axis=0).min() > 0


def test_the_loss_is_the_mean_squared_error_of_intensities():
    loss = loader.task_module("image_reconstruction", "objective").loss(SPEC)
    images = np.array([0, 51, 102, 255], np.uint8).reshape(1, 2, 2, 1)
    outputs = np.array([0, 0.2, 0.6, 0.5], np.float32).reshape(1, 2, 2, 1)
    assert float(loss(images, outputs)) == pytest.approx((0.2**2 + 0.5**2) / 4, rel=1e-5)
