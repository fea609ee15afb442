"""Transfer: what a start must fit, and what the phases of training change."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import models
from models.layers import backbone
from pipelines.config import schema
from pipelines.config.errors import UserError
from pipelines.storage import arrays
from pipelines.tasks.image_classification import objective
from pipelines.training import phases
from tests.support.model_checks import batch, image_spec

DIGIT = image_spec(8, 8, 1, 10)
FIT = {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "patience": None}


def images(spec, rows: int = 12) -> np.ndarray:
    return batch(spec, rows)[0]["image"]


def split(spec, rows: int = 12) -> dict:
    inputs, labels = batch(spec, rows)
    return {**inputs, "label": labels}


def logits(model, x) -> np.ndarray:
    return keras.ops.convert_to_numpy(model({"image": x}, training=False))


@pytest.fixture
def pretrained(tmp_path):
    """A network for ten classes, and a spec of three classes whose start it is."""
    keras.utils.set_random_seed(1)
    trained = models.build(DIGIT, "small_cnn", "small_cnn", filters=[3, 4], units=6)
    trained.save(tmp_path / "model.keras")
    return trained, spec_with_start(tmp_path)


def spec_with_start(folder: Path):
    """The spec that the stage `warm_start` writes for the model in a folder."""
    facts = {"warm_start": str(folder / "model.keras")}
    return replace(
        image_spec(8, 8, 1, 3), task_metadata=facts, digests={"warm_start": arrays.digest(folder)}
    )


def test_weights_that_were_changed_are_not_loaded(pretrained, tmp_path):
    with (tmp_path / "model.keras").open("ab") as file:
        file.write(b"!")
    with pytest.raises(UserError) as error:
        models.build(pretrained[1], "transfer", "transfer")
    assert error.value.code == "warm-start-changed"
    assert error.value.path == str(tmp_path / "model.keras")


@pytest.mark.parametrize(
    ("arguments", "code", "key"),
    [
        ({"feature_layer": "features1"}, "layer-unknown", "build.feature_layer"),
        ({"size": 16}, "image-size-mismatch", "build.size"),
    ],
)
def test_arguments_that_do_not_fit_the_start(pretrained, arguments, code, key):
    with pytest.raises(UserError) as error:
        models.build(pretrained[1], "transfer", "transfer", **arguments)
    assert (error.value.code, error.value.key) == (code, key)


def test_a_feature_layer_with_positions_is_pooled(pretrained):
    """(B, H, W, D) -> (B, D)."""
    _, spec = pretrained
    model = models.build(spec, "transfer", "transfer", feature_layer="pool2")
    assert model.get_layer("backbone").output.shape == (None, 4)


def test_transfer_takes_everything_up_to_the_logits(pretrained):
    trained, spec = pretrained
    model = models.build(spec, "transfer", "transfer")
    index = [layer.name for layer in model.layers].index("backbone") + 1
    feature_extractor, head = backbone.split_at_layer(model, index)
    x = images(spec)
    expected = keras.Model(trained.inputs, trained.get_layer("logits").input).predict(x, verbose=0)
    np.testing.assert_allclose(feature_extractor.predict(x, verbose=0), expected, atol=1e-6)
    np.testing.assert_allclose(
        head.predict(expected, verbose=0), model.predict({"image": x}, verbose=0), atol=1e-5
    )
    assert [weight.path for weight in model.trainable_weights] == ["logits/kernel", "logits/bias"]


@pytest.mark.parametrize(("layers", "moving"), [(None, 6), (1, 2)])
def test_phase_one_trains_the_head_and_phase_two_the_top(pretrained, layers, moving):
    _, spec = pretrained
    model = models.build(spec, "transfer", "transfer", dropout=0.0)
    tune = {"epochs": 1, "learning_rate": 0.001, "layers": layers}
    settings = schema.Fit.model_validate({**FIT, "fine_tune": tune})
    extractor = model.get_layer("backbone")
    changed = []
    for phase in phases.phases(model, spec, split(spec), split(spec), settings):
        before = [np.array(weight) for weight in extractor.weights]
        phase.model.compile(
            keras.optimizers.SGD(phase.settings.learning_rate), objective.loss(spec)
        )
        (name,) = phase.spec.inputs
        phase.model.fit(phase.train[name], phase.train["label"], epochs=1, verbose=0)
        after = [np.array(weight) for weight in extractor.weights]
        changed.append(sum((a != b).any() for a, b in zip(before, after, strict=True)))
        rates = (phase.settings.learning_rate, phase.first_epoch)
    assert changed == [0, moving]
    assert rates == (0.001, 2)


def test_batch_normalisation_is_frozen_in_phase_two(tmp_path):
    keras.utils.set_random_seed(1)
    models.build(DIGIT, "resnet", "resnet", depth=8, filters=4).save(tmp_path / "model.keras")
    spec = spec_with_start(tmp_path)
    model = models.build(spec, "transfer", "transfer")
    settings = schema.Fit.model_validate({**FIT, "fine_tune": {"epochs": 1, "learning_rate": 0.1}})
    _, second = [*phases.phases(model, spec, split(spec), split(spec), settings)]
    norms = [
        layer for layer in model.get_layer("backbone").layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]  # fmt: skip
    before = [np.array(weight) for layer in norms for weight in layer.weights]
    second.model.compile(keras.optimizers.SGD(0.1), objective.loss(spec), run_eagerly=True)
    second.model.train_on_batch({"image": images(spec)}, np.arange(12) % 3)
    after = [np.array(weight) for layer in norms for weight in layer.weights]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
    assert norms and model.get_layer("backbone").get_layer("first").trainable


def test_a_model_without_a_backbone_has_one_phase():
    model = models.build(DIGIT, "small_cnn", "small_cnn")
    settings = schema.Fit.model_validate(FIT)
    (only,) = phases.phases(model, DIGIT, split(DIGIT), split(DIGIT), settings)
    assert only.model is model and only.settings is settings and only.first_epoch == 0


def test_an_application_with_random_weights_is_trained_whole():
    spec = image_spec(32, 32, 1, 3)
    model = models.build(
        spec, "transfer", "transfer", backbone="MobileNet", weights="random",
        backbone_kwargs={"alpha": 0.25},
    )  # fmt: skip
    assert model.get_layer("backbone").trainable
    assert logits(model, images(spec, 2)).shape == (2, 3)
