"""Image classifiers: augmentation, patches, shortcuts, errors, and the phases of transfer."""

import keras
import numpy as np
import pytest

import models
from models.layers import LocalResponseNormalization, PaddedShortcut, Patches, RandomAugmentation
from models.layers.application_scaling import (
    ApplicationScaling,
    application_module,
    application_names,
)
from pipelines.config.errors import UserError
from tests.support.model_checks import image_spec

DIGIT = image_spec(8, 8, 1, 10)
FIT = {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "patience": None}


def images(spec, rows: int = 12, seed: int = 0) -> np.ndarray:
    shape = (rows, *spec.inputs["image"].shape)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def split(spec, rows: int = 12) -> dict:
    labels = (np.arange(rows) % spec.outputs).astype(np.int32)
    return {"image": images(spec, rows), "label": labels}


def logits(model, x) -> np.ndarray:
    return keras.ops.convert_to_numpy(model({"image": x}, training=False))


def test_augmentation_acts_in_training_only():
    x = images(DIGIT)
    layer = RandomAugmentation(flip=True, rotation=0.2, translation=0.2, zoom=0.2, contrast=0.2)
    copy = RandomAugmentation.from_config(layer.get_config())
    assert copy.settings == layer.settings and len(copy.transforms) == 5
    for unchanged in (layer(x), layer(x, training=False), RandomAugmentation()(x, training=True)):
        np.testing.assert_array_equal(np.array(unchanged), x)
    first, second = (np.array(layer(x, training=True)) for _ in range(2))
    assert (first != second).any() and first.min() >= 0 and first.max() <= 255


def test_an_unknown_transform():
    with pytest.raises(UserError) as error:
        models.build(DIGIT, "small_cnn", "small_cnn", augment={"rotate": 0.1})
    assert error.value.code == "augmentation-unknown"
    assert (error.value.key, error.value.value) == ("build.augment.rotate", 0.1)
    assert "did you mean rotation?" in error.value.message


def test_patches_are_squares_row_by_row():
    x = np.arange(2 * 4 * 6 * 1).reshape(2, 4, 6, 1)
    patches = np.array(Patches(2)(x))
    assert patches.shape == (2, 6, 4)
    assert patches[0, 0].tolist() == [0, 1, 6, 7] and patches[0, 3].tolist() == [12, 13, 18, 19]


def test_the_two_patch_embeddings_are_equivalent():
    spec = image_spec(8, 8, 3, 4)
    sizes = {"patch_size": 4, "hidden_dim": 8, "depth": 1, "num_heads": 2}
    reshape, convolution = (
        models.build(spec, "vit", "vit", patchify=patchify, **sizes)
        for patchify in ("reshape", "convolution")
    )
    for weight, other in zip(reshape.weights, convolution.weights, strict=True):
        other.assign(keras.ops.reshape(weight, other.shape))
    x = images(spec)
    np.testing.assert_allclose(logits(reshape, x), logits(convolution, x), atol=1e-5)


def test_a_vit_without_positions_is_invariant_to_the_order_of_patches():
    keras.utils.set_random_seed(1)
    model = models.build(DIGIT, "vit", "vit", patch_size=4, hidden_dim=8, depth=2, num_heads=2)
    x = images(DIGIT)
    swapped = np.concatenate([x[:, :, 4:], x[:, :, :4]], axis=2)
    assert not np.allclose(logits(model, x), logits(model, swapped), atol=1e-6)
    positions = model.get_layer("positions").positions
    positions.assign(keras.ops.zeros_like(positions))
    np.testing.assert_allclose(logits(model, x), logits(model, swapped), atol=1e-5)


def test_an_identity_shortcut_subsamples_and_pads_with_zeros():
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    shortcut = np.array(PaddedShortcut(3, 2)(x))
    assert shortcut[0, ..., 0].tolist() == [[0, 2], [8, 10]]
    assert not shortcut[..., 1:].any()


def test_local_response_normalization_by_hand():
    """Channels 2 apart weaken each other, those 3 apart do not; no weights."""
    x = np.zeros((1, 1, 1, 4), np.float32)
    x[..., 0], x[..., 2], x[..., 3] = 100, 200, 300
    outputs = np.array(LocalResponseNormalization()(x))[0, 0, 0]
    expected = [100 / (2 + 1 + 4) ** 0.75, 0, 200 / (2 + 1 + 4 + 9) ** 0.75, 300 / 15**0.75]
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)


def test_a_grouped_filter_sees_half_of_the_channels():
    model = models.build(DIGIT, "alexnet", "alexnet", groups=2)
    whole = models.build(DIGIT, "alexnet", "alexnet")
    for number, shared in ((1, 1), (2, 2), (3, 1), (4, 2), (5, 2)):
        kernels = [net.get_layer(f"conv{number}").kernel.shape for net in (whole, model)]
        assert kernels[0][2] == shared * kernels[1][2]


@pytest.mark.parametrize(
    ("spec", "module", "arguments", "code", "key"),
    [
        (image_spec(40, 40, 1, 3), "lenet", {}, "image-too-large", "fit_input"),
        (DIGIT, "resnet", {"depth": 10}, "depth-invalid", "depth"),
        (DIGIT, "googlenet", {"blocks": [2, 6]}, "blocks-unknown", "blocks"),
        (DIGIT, "alexnet", {"filters": [4, 8]}, "stages-mismatch", "filters"),
        (DIGIT, "alexnet", {"groups": 5}, "groups-mismatch", "groups"),
        (DIGIT, "alexnet", {"padding": "valid"}, "image-too-small", "padding"),
        (DIGIT, "vgg", {"convolutions": [4]}, "stages-mismatch", "convolutions"),
        (DIGIT, "vit", {"patch_size": 3}, "patch-size-mismatch", "patch_size"),
        (DIGIT, "vit", {"stem": [4], "patch_size": 8}, "patch-size-mismatch", "patch_size"),
        (DIGIT, "transfer", {}, "warm-start-missing", "weights"),
        (DIGIT, "transfer", {"backbone": "VGG16", "weights": "imagnet"}, "weights-unknown",
         "weights"),
        (DIGIT, "transfer", {"backbone": "ResNext50"}, "backbone-unknown", "backbone"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit(spec, module, arguments, code, key):
    builder = {"lenet": "lenet5"}.get(module, module)
    with pytest.raises(UserError) as error:
        models.build(spec, module, builder, **arguments)
    assert (error.value.code, error.value.key) == (code, f"build.{key}")
    assert error.value.path == f"models/{module}.py"
    if key in arguments:
        assert error.value.value == arguments[key]


@pytest.mark.parametrize("name", application_names())
def test_every_application_has_a_scaling(name):
    assert hasattr(application_module(name), "preprocess_input")


def test_scaling_is_that_of_the_application():
    x = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype(np.float32)
    for name in ("VGG16", "MobileNetV2", "DenseNet121", "EfficientNetB0"):
        expected = application_module(name).preprocess_input(x.copy())
        layer = ApplicationScaling.from_config(ApplicationScaling(name).get_config())
        np.testing.assert_allclose(np.array(layer(x)), expected, rtol=1e-5, atol=1e-5)
    assert application_module("ResNet50V2").__name__.endswith("resnet_v2")
