"""The networks for pictures: how they see them, what they refuse, what transfer trains."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import models
from models.layers import PaddedShortcut, Patches, Variation, backbone
from models.layers.pictures import ApplicationScaling, application_module, application_names
from pipelines.config import schema
from pipelines.config.errors import UserError
from pipelines.storage import arrays
from pipelines.tasks.image_classification import objective
from pipelines.training import phases
from tests.support.model_checks import picture_spec

DIGIT = picture_spec(8, 8, 1, 10)
FIT = {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "patience": None}


def pictures(of, rows: int = 12, seed: int = 0) -> np.ndarray:
    shape = (rows, *of.inputs["image"].shape)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def part(of, rows: int = 12) -> dict:
    return {"image": pictures(of, rows), "label": (np.arange(rows) % of.outputs).astype(np.int32)}


def said(model, x) -> np.ndarray:
    return keras.ops.convert_to_numpy(model({"image": x}, training=False))


def test_pictures_are_varied_in_training_only():
    x = pictures(DIGIT)
    layer = Variation(flip=True, rotation=0.2, translation=0.2, zoom=0.2, contrast=0.2)
    copy = Variation.from_config(layer.get_config())
    assert copy.settings == layer.settings and len(copy.steps) == 5
    for calm in (layer(x), layer(x, training=False), Variation()(x, training=True)):
        np.testing.assert_array_equal(np.array(calm), x)
    one, two = (np.array(layer(x, training=True)) for _ in range(2))
    assert (one != two).any() and one.min() >= 0 and one.max() <= 255
    with pytest.raises(UserError, match="augment: no 'rotate'; .*did you mean rotation"):
        models.build(DIGIT, "small_cnn", "small_cnn", augment={"rotate": 0.1})


def test_patches_are_squares_row_by_row():
    x = np.arange(2 * 4 * 6 * 1).reshape(2, 4, 6, 1)
    cut = np.array(Patches(2)(x))
    assert cut.shape == (2, 6, 4)
    assert cut[0, 0].tolist() == [0, 1, 6, 7] and cut[0, 3].tolist() == [12, 13, 18, 19]


def test_the_two_ways_to_cut_patches_are_one():
    of = picture_spec(8, 8, 3, 4)
    settings = {"patch": 4, "width": 8, "depth": 1, "heads": 2}
    ways = [models.build(of, "vit", "vit", patchify=way, **settings) for way in
            ("reshape", "convolution")]  # fmt: skip
    for one, other in zip(ways[0].weights, ways[1].weights, strict=True):
        other.assign(keras.ops.reshape(one, other.shape))
    x = pictures(of)
    np.testing.assert_allclose(said(ways[0], x), said(ways[1], x), atol=1e-5)


def test_a_vit_without_positions_does_not_know_where_a_patch_is():
    keras.utils.set_random_seed(1)
    model = models.build(DIGIT, "vit", "vit", patch=4, width=8, depth=2, heads=2)
    x = pictures(DIGIT)
    swapped = np.concatenate([x[:, :, 4:], x[:, :, :4]], axis=2)
    assert not np.allclose(said(model, x), said(model, swapped), atol=1e-6)
    positions = model.get_layer("positions").positions
    positions.assign(keras.ops.zeros_like(positions))
    np.testing.assert_allclose(said(model, x), said(model, swapped), atol=1e-5)


def test_an_identity_shortcut_thins_out_and_pads_with_zeros():
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    found = np.array(PaddedShortcut(3, 2)(x))
    assert found[0, ..., 0].tolist() == [[0, 2], [8, 10]]
    assert not found[..., 1:].any()


@pytest.mark.parametrize(
    ("of", "module", "hyperparameters", "words"),
    [
        (picture_spec(40, 40, 1, 3), "lenet", {}, "40 x 40 do not fit into 32 x 32"),
        (DIGIT, "resnet", {"depth": 10}, "depth is 10; it must be 6 n"),
        (DIGIT, "vgg", {"filters": [4]}, "1 stages in filters .* one number"),
        (DIGIT, "vit", {"patch": 3}, "8 x 8 need a patch that divides both sides .found 3"),
        (DIGIT, "vit", {"stem": [4], "patch": 3}, "4 x 4 after the stem need a patch"),
        (DIGIT, "transfer", {}, "the data set has no start"),
        (DIGIT, "transfer", {"backbone": "VGG16", "weights": "imagnet"}, "accepted: imagenet"),
    ],
)
def test_what_does_not_fit_is_refused(of, module, hyperparameters, words):
    builder = {"lenet": "lenet5"}.get(module, module)
    with pytest.raises(UserError, match=words):
        models.build(of, module, builder, **hyperparameters)


@pytest.mark.parametrize("name", application_names())
def test_every_application_has_its_own_scaling(name):
    assert hasattr(application_module(name), "preprocess_input")


def test_scaling_is_that_of_the_application():
    x = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype(np.float32)
    for name in ("VGG16", "MobileNetV2", "DenseNet121", "EfficientNetB0"):
        expected = application_module(name).preprocess_input(x.copy())
        layer = ApplicationScaling.from_config(ApplicationScaling(name).get_config())
        np.testing.assert_allclose(np.array(layer(x)), expected, rtol=1e-5, atol=1e-5)
    assert application_module("ResNet50V2").__name__.endswith("resnet_v2")
    with pytest.raises(UserError, match="no 'ResNext50'; accepted: .*did you mean ResNet50"):
        application_module("ResNext50")


@pytest.fixture
def pretrained(tmp_path):
    """A spec of three classes that starts from a network that was trained on ten."""
    keras.utils.set_random_seed(1)
    trained = models.build(DIGIT, "small_cnn", "small_cnn", filters=[3, 4], units=6)
    trained.save(tmp_path / "model.keras")
    return trained, started(tmp_path)


def started(folder: Path):
    """The spec that the stage `start` writes for weights that lie in a folder."""
    facts = {"start": str(folder / "model.keras")}
    return replace(
        picture_spec(8, 8, 1, 3), task_metadata=facts, digests={"start": arrays.digest(folder)}
    )


def test_weights_that_were_swapped_are_not_loaded(pretrained, tmp_path):
    with (tmp_path / "model.keras").open("ab") as file:
        file.write(b"!")
    with pytest.raises(UserError, match=r"model\.keras: not what the stage `start` has put there"):
        models.build(pretrained[1], "transfer", "transfer")


def test_transfer_takes_everything_up_to_the_logits(pretrained):
    trained, of = pretrained
    model = models.build(of, "transfer", "transfer")
    body, head = backbone.halves(
        model, [layer.name for layer in model.layers].index("backbone") + 1
    )
    x = pictures(of)
    expected = keras.Model(trained.inputs, trained.get_layer("logits").input).predict(x, verbose=0)
    np.testing.assert_allclose(body.predict(x, verbose=0), expected, atol=1e-6)
    np.testing.assert_allclose(
        head.predict(expected, verbose=0), model.predict({"image": x}, verbose=0), atol=1e-5
    )
    assert [weight.path for weight in model.trainable_weights] == ["logits/kernel", "logits/bias"]


@pytest.mark.parametrize(("layers", "moving"), [(None, 6), (1, 2)])
def test_phase_one_trains_the_head_and_phase_two_the_top(pretrained, layers, moving):
    _, of = pretrained
    model = models.build(of, "transfer", "transfer", dropout=0.0)
    tune = {"epochs": 1, "learning_rate": 0.001, "layers": layers}
    settings = schema.Fit.model_validate({**FIT, "fine_tune": tune})
    backbone = model.get_layer("backbone")
    changed = []
    for phase in phases.phases(model, of, part(of), part(of), settings):
        before = [np.array(weight) for weight in backbone.weights]
        phase.model.compile(keras.optimizers.SGD(phase.settings.learning_rate), objective.loss(of))
        (name,) = phase.spec.inputs
        phase.model.fit(phase.train[name], phase.train["label"], epochs=1, verbose=0)
        after = [np.array(weight) for weight in backbone.weights]
        changed.append(sum((a != b).any() for a, b in zip(before, after, strict=True)))
        rates = (phase.settings.learning_rate, phase.first_epoch)
    assert changed == [0, moving]
    assert rates == (0.001, 2)


def test_batch_normalisation_stays_as_it_was_in_phase_two(tmp_path):
    keras.utils.set_random_seed(1)
    models.build(DIGIT, "resnet", "resnet", depth=8, filters=4).save(tmp_path / "model.keras")
    of = started(tmp_path)
    model = models.build(of, "transfer", "transfer")
    settings = schema.Fit.model_validate({**FIT, "fine_tune": {"epochs": 1, "learning_rate": 0.1}})
    _, second = [*phases.phases(model, of, part(of), part(of), settings)]
    norms = [
        layer for layer in model.get_layer("backbone").layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]  # fmt: skip
    before = [np.array(weight) for layer in norms for weight in layer.weights]
    second.model.compile(keras.optimizers.SGD(0.1), objective.loss(of), run_eagerly=True)
    second.model.train_on_batch({"image": pictures(of)}, np.arange(12) % 3)
    after = [np.array(weight) for layer in norms for weight in layer.weights]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
    assert norms and model.get_layer("backbone").get_layer("first").trainable


def test_a_model_without_a_backbone_has_one_phase():
    model = models.build(DIGIT, "small_cnn", "small_cnn")
    settings = schema.Fit.model_validate(FIT)
    (only,) = phases.phases(model, DIGIT, part(DIGIT), part(DIGIT), settings)
    assert only.model is model and only.settings is settings and only.first_epoch == 0


def test_an_application_with_random_weights_is_trained_whole():
    of = picture_spec(32, 32, 1, 3)
    model = models.build(
        of, "transfer", "transfer", backbone="MobileNet", weights="random",
        arguments={"alpha": 0.25},
    )  # fmt: skip
    assert model.get_layer("backbone").trainable
    assert said(model, pictures(of, 2)).shape == (2, 3)
