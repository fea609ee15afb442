"""U-Net as in the paper's figure 1: sizes of its maps, and how far a pixel sees."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from models.unet import Geometry, margin
from pipelines.preparation import labelled_masks
from tests.support.user_errors import user_error

PAPER = {"filters": 64, "depth": 4, "padding": "valid", "normalization": False}


def test_the_paper_s_sizes():
    """572 x 572 pixels in, 388 x 388 out; maps of 568, 280, 136, 64 and 28 on the way down."""
    spec = labelled_masks.data_spec(("cell", "membrane"), 572, 1)
    with keras.StatelessScope(initialize_variables=False):
        model = models.build(spec, "unet", "unet", **PAPER)
        shape = [keras.KerasTensor((1, 572, 572, 1), "uint8")]
        deepest = [*(f"level{n}_relu2" for n in (1, 2, 3, 4, 5)), "logits"]
        tapped = keras.Model(model.inputs, [model.get_layer(name).output for name in deepest])
        sides = [output.shape[1] for output in tapped(shape)]
    keras.backend.clear_session(free_memory=False)
    assert sides == [568, 280, 136, 64, 28, 388]
    assert [margin(depth) for depth in range(5)] == [2, 8, 20, 44, (572 - 388) // 2]


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("depth", [1, 2])
def test_a_pixel_sees_no_farther_than_the_margin(depth, padding):
    """By the gradient of the output at aligned places with respect to the input."""
    keras.utils.set_random_seed(1)
    core, geometry = 2**depth, Geometry(depth, padding)
    start = 12 * core
    wide = geometry.before + 24 * core + geometry.after(24 * core)
    spec = labelled_masks.data_spec(("a", "b"), wide, 1)
    model = models.build(spec, "unet", "unet", filters=4, depth=depth, padding=padding,
                         normalization=False)  # fmt: skip
    body = keras.Model(model.get_layer("scale").output, model.output)
    noise = np.random.default_rng(0).normal(size=(1, wide, wide, 1))
    pixels = tf.Variable(noise, dtype=tf.float32)
    with tf.GradientTape() as tape:
        at = start + (geometry.before if padding == "same" else 0)
        output = body(pixels)[:, at : at + core, at : at + core]
        loss = tf.reduce_sum(output**2)
    rows = np.flatnonzero(np.abs(tape.gradient(loss, pixels)).sum(axis=(0, 2, 3)))
    rows -= geometry.before
    reach = margin(depth) + (2 if padding == "same" else 0)
    assert rows.min() >= start - reach and rows.max() < start + core + reach
    assert np.ptp(rows) + 1 > core + 2 * margin(depth) - 4  # and hardly less far


@pytest.mark.parametrize(
    ("tile", "depth", "padding"),
    [(8, 4, "same"), (60, 3, "same"), (568, 3, "valid"), (92, 4, "valid")],
)
def test_tiles_that_do_not_fit(tile, depth, padding):
    spec = labelled_masks.data_spec(("a", "b"), tile, 1)
    with user_error("tile-not-divisible", key="build.depth", value=depth, path="models/unet.py"):
        models.build(spec, "unet", "unet", depth=depth, padding=padding)


def test_an_unknown_symmetry():
    spec = labelled_masks.data_spec(("a", "b"), 8, 1)
    with user_error("symmetry-unknown", key="build.symmetry", value="flips"):
        models.build(spec, "unet", "unet", symmetry="flips")
