"""All images with their pixels in one random order: what a dense and a convolutional net lose."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

import models
from pipelines.preprocessing.image_decoding import pixel_order
from tests.support.model_checks import image_spec

DIGIT = image_spec(8, 8, 1, 10)
ORDER = pixel_order(64, seed=1)
CNN = {"filters": [10, 20], "units": None, "dropout": 0.0}  # the course's own
TRAIN, BATCH = 1000, 50


def shuffled(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)[:, ORDER].reshape(images.shape)


def digits() -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    return (data.images * 255 / 16).astype(np.uint8)[..., None], data.target.astype(np.int32)


def test_a_dense_net_can_compute_the_same_from_shuffled_pixels():
    """For any weights there are others: the first matrix's rows in that order."""
    images = digits()[0][:50]
    model = models.build(DIGIT, "mlp", "mlp", units=[20])
    expected = np.array(model({"image": images}))
    first, *others = model.get_weights()
    model.set_weights([first[ORDER], *others])
    np.testing.assert_allclose(np.array(model({"image": shuffled(images)})), expected, atol=1e-5)


@pytest.mark.slow
def test_shuffled_pixels_cost_a_cnn_its_advantage():
    """By errors on 797 digits."""
    images, labels = digits()

    def errors(module: str, pixels: np.ndarray, **arguments) -> int:
        keras.utils.set_random_seed(1)
        model = models.build(DIGIT, module, module, **arguments)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(5e-3), loss, steps_per_execution=TRAIN // BATCH)
        model.fit({"image": pixels[:TRAIN]}, labels[:TRAIN], BATCH, epochs=20, verbose=0)
        outputs = np.array(model({"image": pixels[TRAIN:]}))
        return int((outputs.argmax(axis=1) != labels[TRAIN:]).sum())

    dense = [errors("mlp", pixels) for pixels in (images, shuffled(images))]
    cnn = [errors("small_cnn", pixels, **CNN) for pixels in (images, shuffled(images))]
    assert abs(dense[1] - dense[0]) < 0.3 * dense[0]
    assert cnn[1] > 1.4 * cnn[0] and cnn[1] > 1.4 * dense[1]
