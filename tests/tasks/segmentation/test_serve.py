"""Masks of any size without seams; served masks are those that were evaluated."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import models
from models.classical.pixel_forest import pixel_forest
from models.unet import Geometry, margin
from pipelines.classical.pixel_features import count, pixel_features
from pipelines.inference.decision import DecisionRule
from pipelines.preparation import labelled_masks
from pipelines.preprocessing import image_decoding, image_sizes, mask_files
from pipelines.preprocessing.image_sizes import AnySizeReader
from pipelines.stages.export import decode_strings
from pipelines.tasks.segmentation import graph_masks, score, serve, serve_classical, tiling
from serving.servables import warmup
from tests.support.images import jpeg
from tests.support.model_checks import perturbed

SPEC = labelled_masks.data_spec(("sea", "land", "lake"), 16, 3)
NET = {"filters": 3, "depth": 2}


def image(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Smooth noise, so that neighbours are alike."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (height // 4 + 2, width // 4 + 2, channels), np.uint8)
    return image_decoding.resize(small, height, width)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return perturbed(models.build(SPEC, "unet", "unet", **NET))


def test_shifted_tilings_agree(model):
    """Whatever the window, a pixel's probabilities are those of the whole image in one piece."""
    pixels = tf.constant(image(37, 45))
    whole = tiling.TiledModel(model).probabilities(pixels)
    for core in (16, 24):
        tiles = tiling.TiledModel(model, core).probabilities(pixels)
        np.testing.assert_allclose(tiles, whole, atol=1e-5)


def test_without_context_there_would_be_seams(model, monkeypatch):
    """The check above can fail: with four pixels less it does."""
    monkeypatch.setattr(Geometry, "before", property(lambda self: margin(self.depth) - 4))
    pixels = tf.constant(image(37, 45))
    whole = tiling.TiledModel(model).probabilities(pixels)
    tiles = tiling.TiledModel(model, 24).probabilities(pixels)
    assert np.abs(tiles - whole).max() > 1e-4


def test_border_pixels_are_as_good_as_inner_ones(model):
    """A part of an image that is a mirror image of its surroundings is predicted as within it."""
    part = image(24, 24)
    rows = image_sizes.mirrored(24, 24, 24)
    surrounded = part[rows[:, None], rows]
    alone = tiling.TiledModel(model).probabilities(tf.constant(part))
    within = tiling.TiledModel(model).probabilities(tf.constant(surrounded))[24:48, 24:48]
    np.testing.assert_allclose(alone, within, atol=1e-5)


def test_an_unpadded_net_predicts_whole_images_too():
    keras.utils.set_random_seed(1)
    spec = labelled_masks.data_spec(("a", "b"), 44, 1)
    net = perturbed(models.build(spec, "unet", "unet", **NET, padding="valid"))
    pixels = tf.constant(image(21, 30, 1))
    whole = tiling.TiledModel(net).probabilities(pixels)
    assert whole.shape == (21, 30, 2)
    np.testing.assert_allclose(tiling.TiledModel(net, 16).probabilities(pixels), whole, atol=1e-5)


def served(estimator_or_model, spec, folder, files, max_side=None):
    AnySizeReader(spec.inputs["image"].shape[2], max_side).save(folder / "image.json")
    if isinstance(estimator_or_model, keras.Model):
        module, _ = serve.endpoints(estimator_or_model, spec, folder, DecisionRule())
    else:
        module, _ = serve.estimator_endpoints(estimator_or_model, spec, folder)
    return module, {k: v.numpy() for k, v in module.segment(tf.constant(files)).items()}


@pytest.mark.slow
def test_odd_sizes_come_back_at_their_own_size(model, tmp_path):
    images = [image(33, 51), image(1, 1), image(5, 90), image(16, 16)]
    files = [image_decoding.png(pixels) for pixels in images]
    module, answer = served(model, SPEC, tmp_path, files)
    outputs = serve.outputs(answer, SPEC)
    evaluated = score.predict(model, {"image": images}, SPEC, DecisionRule(), tmp_path)
    for pixels, mask, same, share in zip(
        images, outputs.masks, evaluated.masks, answer["share"], strict=True
    ):
        assert mask.shape == pixels.shape[:2]
        np.testing.assert_array_equal(mask, same)
        assert share == pytest.approx(np.bincount(mask.ravel(), minlength=3) / mask.size)
    probabilities = module.probabilities(tf.constant(files[:1]))["probabilities"]
    assert probabilities.shape == (1, 33, 51, 3)
    np.testing.assert_array_equal(np.argmax(probabilities[0], axis=2), outputs.masks[0])


@pytest.mark.slow
def test_333_by_517(model, tmp_path):
    _, answer = served(model, SPEC, tmp_path, [jpeg(333, 517)])
    assert serve.outputs(answer, SPEC).masks[0].shape == (333, 517)


@pytest.mark.slow
def test_a_shrunk_image_gets_a_mask_of_its_own_size(model, tmp_path):
    reader, pixels = AnySizeReader(3, max_side=20), image(33, 51)
    _, answer = served(model, SPEC, tmp_path, [image_decoding.png(pixels)], max_side=20)
    small = reader(image_decoding.png(pixels), "image.png")
    assert small.shape == (13, 20, 3)
    (mask,) = score.predict(model, {"image": [small]}, SPEC, DecisionRule(), tmp_path).masks
    expected = image_sizes.resize_nearest(mask, 33, 51)
    np.testing.assert_array_equal(serve.outputs(answer, SPEC).masks[0], expected)


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (64, 65)])
def test_the_mask_is_a_png_with_a_palette(size):
    mask = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    data = graph_masks.PalettePng().encode(tf.constant(mask)).numpy()
    np.testing.assert_array_equal(mask_files.decode(data, "mask.png"), mask)
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.mode == "P"
        np.testing.assert_array_equal(np.asarray(opened.convert("RGB")), mask_files.palette()[mask])


def test_a_golden_mask_may_differ_in_few_pixels():
    """Other hardware rounds in another way, and a pixel may be on the edge of a decision."""
    mask = np.zeros((50, 50), np.uint8)
    other, third = mask.copy(), mask.copy()
    other[0, :2], third[0, :9] = 1, 1
    served_mask = np.array([mask_files.encode(mask)], object)
    for expected, equal in ((mask, True), (other, True), (third, False), (mask[:49], False)):
        golden = decode_strings([mask_files.encode(expected)])
        assert warmup.matches(served_mask, golden) == equal


@pytest.mark.parametrize(("size", "max_side"), [((20, 30), None), ((20, 31), 11), ((40, 9), 8)])
def test_the_graph_reads_as_prepare_does(size, max_side):
    for channels, data in ((3, jpeg(*size)), (1, image_decoding.png(image(*size)))):
        reader = AnySizeReader(channels, max_side)
        pixels, own = graph_masks.GraphAnySizeReader(reader).read(tf.constant(data))
        np.testing.assert_array_equal(pixels, reader(data, "image"))
        assert tuple(own.numpy()) == size


def test_mirrored_and_nearest_are_those_of_python():
    for size, before, after in ((1, 3, 4), (5, 12, 7), (9, 0, 1)):
        expected = image_sizes.mirrored(size, before, after)
        np.testing.assert_array_equal(tiling.mirrored(size, before, after), expected)
        np.testing.assert_array_equal(
            expected, np.pad(np.arange(size), (before, after), mode="symmetric")
        )
    mask = image(13, 9)[..., 0]
    resized = graph_masks.resize_nearest(tf.constant(mask), tf.constant([20, 4]))
    np.testing.assert_array_equal(resized, image_sizes.resize_nearest(mask, 20, 4))


@pytest.mark.parametrize(("height", "width", "channels"), [(30, 41, 3), (5, 60, 1), (1, 2, 3)])
def test_features_of_pixels_are_equal_to_the_bit(height, width, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels)).astype(np.uint8)
    expected = pixel_features(pixels)
    assert expected.shape == (height, width, count(channels))
    np.testing.assert_array_equal(serve_classical.graph_features(tf.constant(pixels)), expected)


def columns(seed: int, rows: int = 6) -> dict:
    """Class 1 where the image is bright, 2 in one corner."""
    images = np.stack([image(16, 16, seed=seed + row) for row in range(rows)])
    masks = (images.mean(axis=3) > 128).astype(np.uint8)
    masks[:, :4, :4] = 2
    masks[:, -1] = mask_files.IGNORED
    return {"image": images, "mask": masks}


@pytest.mark.slow
def test_the_served_forest_is_numpy_s(tmp_path):
    estimator = pixel_forest(SPEC, trees=5, max_depth=6, pixels=900)
    estimator.fit(columns(0), columns(100), seed=1)
    images = [*columns(200)["image"], image(33, 51), np.zeros((9, 9, 3), np.uint8)]
    files = [image_decoding.png(pixels) for pixels in images]
    _, answer = served(estimator, SPEC, tmp_path, files)
    expected = estimator.predict({"image": images})["masks"]
    for mask, same in zip(serve.outputs(answer, SPEC).masks, expected, strict=True):
        np.testing.assert_array_equal(mask, same)
    (tmp_path / "files").mkdir()
    estimator.save(tmp_path / "files")
    restored = pixel_forest(SPEC)
    restored.restore(tmp_path / "files")
    for mask, same in zip(restored.predict({"image": images})["masks"], expected, strict=True):
        np.testing.assert_array_equal(mask, same)
    assert restored.selection == estimator.selection


def test_the_forest_is_scikit_learn_s():
    from sklearn.ensemble import RandomForestClassifier

    from pipelines.classical.forests import VOTE, Forest

    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 4)).astype(np.float32)
    targets = np.where(features[:, 0] + features[:, 1] > 0, 3, 1)
    fitted = RandomForestClassifier(7, max_depth=5, random_state=1).fit(features, targets)
    rows = rng.normal(size=(500, 4)).astype(np.float32)
    votes = Forest.of(fitted, 4)(rows)
    assert (votes[:, [0, 2]] == 0).all()
    np.testing.assert_allclose(votes[:, [1, 3]] / (7 * VOTE), fitted.predict_proba(rows), atol=1e-4)
