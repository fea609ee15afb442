"""The loss of a mask by hand; pixels without a class; augmentation moves the image and the mask."""

import keras
import numpy as np
import pytest

import models
from models.layers.symmetries import RandomSymmetry, UndoSymmetry
from pipelines.preparation import labelled_masks
from pipelines.preprocessing.mask_files import IGNORED
from pipelines.tasks.segmentation.losses import PixelAccuracy, PixelLoss
from pipelines.tasks.segmentation.objective import loss
from tests.support.user_errors import user_error

SPEC = labelled_masks.data_spec(("a", "b"), 8, 1)


def softmax(logits):
    powers = np.exp(logits)
    return powers / powers.sum(axis=-1, keepdims=True)


def test_ignored_pixels_have_no_influence():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 3, 4, 2)).astype(np.float32)
    targets = rng.integers(0, 2, (2, 3, 4)).astype(np.uint8)
    targets[0, 0] = IGNORED
    known = targets != IGNORED
    p = softmax(logits)[known][np.arange(known.sum()), targets[known]]
    assert float(PixelLoss()(targets, logits)) == pytest.approx(-np.log(p).mean(), rel=1e-5)
    changed = logits.copy()
    changed[0, 0] += 7.0 * rng.normal(size=(4, 2))
    for function in (PixelLoss(), PixelLoss(0.5, 0.5)):
        assert float(function(targets, changed)) == pytest.approx(float(function(targets, logits)))
    metric = PixelAccuracy()
    metric.update_state(targets, logits)
    expected = (logits.argmax(axis=-1) == targets)[known].mean()
    assert float(metric.result()) == pytest.approx(expected)
    assert float(PixelLoss()(np.full((1, 2, 2), IGNORED), logits[:1, :2, :2])) == 0


def test_the_dice_term():
    """Two classes on four pixels with certain predictions, of which one is wrong."""
    targets = np.array([[[0, 0, 1, 1]]], np.uint8)
    logits = np.array([[[[40, 0], [40, 0], [0, 40], [40, 0]]]], np.float32)
    with_dice, without = float(PixelLoss(1.0)(targets, logits)), float(PixelLoss()(targets, logits))
    first, second = (2 * 2 + 1) / (5 + 1), (2 * 1 + 1) / (3 + 1)
    assert with_dice - without == pytest.approx(1 - (first + second) / 2, abs=1e-4)
    only_first = np.zeros_like(targets)  # a class that the batch does not have is no part of it
    expected = 1 - (2 * 3 + 1) / (7 + 1)
    missed = float(PixelLoss(1.0)(only_first, logits)) - float(PixelLoss()(only_first, logits))
    assert missed == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("key", "value"), [("dice", -1), ("balance", 1.5)])
def test_a_weight_that_cannot_be_used(key, value):
    with user_error("weight-invalid", key=f"loss.{key}", value=value):
        loss(SPEC, **{key: value})


@pytest.mark.parametrize("balance", [0.5, 1.0])
def test_balanced_classes(balance):
    """Three pixels of one class and one of the other, each with its own loss."""
    targets = np.array([[[0, 0, 0, 1]]], np.uint8)
    logits = np.zeros((1, 1, 4, 2), np.float32)
    logits[..., 0] = 1.0
    nats = -np.log(softmax(logits[0, 0, 0]))
    weights = np.array([3.0, 1.0]) ** -balance * [3, 1]
    expected = np.average(nats, weights=weights)
    assert float(PixelLoss(0.0, balance)(targets, logits)) == pytest.approx(expected, rel=1e-5)


def test_of_unpadded_convolutions_the_centre_counts():
    targets = np.full((1, 6, 6), 1, np.uint8)
    targets[0, 2:4, 2:4] = 0
    logits = np.zeros((1, 2, 2, 2), np.float32)
    logits[..., 0] = 50
    assert float(PixelLoss()(targets, logits)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("symmetry", ["flip", "square"])
def test_what_is_moved_comes_back_to_its_place(symmetry):
    """A prediction that depends on its pixel alone is the same, moved or not: to the bit."""
    images = np.random.default_rng(0).integers(0, 256, (64, 6, 6, 3)).astype(np.float32)
    layer = RandomSymmetry(symmetry)
    moved, moves = layer(images, training=True)
    back = UndoSymmetry(symmetry)([moved, moves], training=True)
    np.testing.assert_array_equal(back, images)
    variants = {np.asarray(image).tobytes() for image in np.asarray(layer(
        np.repeat(images[:1], 200, axis=0), training=True)[0])}  # fmt: skip
    assert len(variants) == (2 if symmetry == "flip" else 8)
    still, _ = layer(images, training=False)
    np.testing.assert_array_equal(still, images)


@pytest.mark.slow
def test_the_loss_is_that_of_the_moved_image_and_the_moved_mask():
    keras.utils.set_random_seed(1)
    plain = models.build(SPEC, "unet", "unet", filters=2, depth=1, dropout=0.0, normalization=False)
    moving = models.build(SPEC, "unet", "unet", filters=2, depth=1, dropout=0.0,
                          normalization=False, symmetry="square")  # fmt: skip
    moving.set_weights(plain.get_weights())
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1, 8, 8, 1)).astype(np.uint8)
    mask = rng.integers(0, 2, (1, 8, 8)).astype(np.uint8)
    square = [(turn, flip) for turn in range(4) for flip in (False, True)]
    expected = []
    for turn, flip in square:
        pair = [np.rot90(values, turn, (1, 2)) for values in (image, mask)]
        pair = [values[:, :, ::-1] if flip else values for values in pair]
        expected.append(float(PixelLoss()(pair[1].copy(), plain(pair[0].copy()))))
    found = {round(float(PixelLoss()(mask, moving(image, training=True))), 4) for _ in range(60)}
    assert found == {round(value, 4) for value in expected}
