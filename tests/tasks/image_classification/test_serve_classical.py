"""The graph of an image classifier without a network answers what numpy computes."""

import numpy as np
import pytest
import tensorflow as tf

from models.classical.hog_svm import hog_svm
from pipelines.classical import image_classifiers
from pipelines.preprocessing import image_decoding
from pipelines.tasks.image_classification import serve_classical
from pipelines.tasks.image_classification.example import example_spec
from tests.classical.test_hog_svm import images


def served(estimator, spec, folder, pixels):
    height, width, channels = spec.inputs["image"].shape
    image_decoding.Reader(height, width, channels).save(folder / "image.json")
    module, _ = serve_classical.estimator_endpoints(estimator, spec, folder)
    answer = module.classify(tf.constant([image_decoding.png(image) for image in pixels]))
    return {name: values.numpy() for name, values in answer.items()}


def awkward(spec, pixels):
    """Constant images, a single lit pixel, equal channels, one edge: many exact ties."""
    shape = spec.inputs["image"].shape
    rows = [np.full(shape, value) for value in (0, 255, 7)]
    for row, column in ((0, 0), (shape[0] // 2, shape[1] // 2)):
        rows.append(np.zeros(shape))
        rows[-1][row, column] = 255
    rows.append(np.broadcast_to(pixels[0][..., :1], shape))
    rows.append(np.broadcast_to((np.arange(shape[1]) > shape[1] // 2)[None, :, None] * 255, shape))
    return np.concatenate([pixels, np.stack(rows).astype(np.uint8)])


@pytest.mark.parametrize(
    ("shape", "features", "kernel"),
    [
        pytest.param((8, 8, 1, 3), "edges", "rbf", marks=pytest.mark.slow),
        ((8, 8, 1, 3), "pixels", "linear"),
        pytest.param((24, 40, 3, 2), "edges_and_colours", "linear", marks=pytest.mark.slow),
        pytest.param((40, 30, 3, 4), "edges_and_colours", "rbf", marks=pytest.mark.slow),
        ((40, 30, 3, 4), "pixels", "rbf"),
    ],
)
def test_equal_on_every_image(shape, features, kernel, tmp_path):
    spec = example_spec(*shape)
    estimator = hog_svm(spec, features=features, kernel=kernel)
    estimator.fit(images(spec, 60, 1), images(spec, 40, 2), seed=1)
    rows = awkward(spec, images(spec, 20, 3)["image"])
    expected = estimator.predict({"image": rows})
    answer = served(estimator, spec, tmp_path, rows)
    np.testing.assert_allclose(answer["probabilities"], expected["probabilities"], atol=1e-6)
    assert [int(label) for label in answer["label"]] == expected["predicted"].tolist()
    of_label = expected["probabilities"][np.arange(len(rows)), expected["predicted"]]
    np.testing.assert_allclose(answer["probability"], of_label, atol=1e-6)


def test_principal_components_and_absent_classes_are_in_the_graph(monkeypatch, tmp_path):
    monkeypatch.setattr(image_classifiers, "FITTING_ROWS", 20)
    monkeypatch.setattr(image_classifiers, "COMPONENTS", 5)
    spec = example_spec(8, 8, 1, 4)
    train, val, test = (images(example_spec(8, 8, 1, 3), rows, rows) for rows in (60, 30, 20))
    estimator = hog_svm(spec, features="pixels", kernel="rbf")
    estimator.fit(train, val, seed=1)
    assert estimator.classifier.projection.shape[1] == 5
    expected = estimator.predict({"image": test["image"]})
    answer = served(estimator, spec, tmp_path, test["image"])
    np.testing.assert_allclose(answer["probabilities"], expected["probabilities"], atol=1e-6)


def test_linear_functions_are_in_the_graph(monkeypatch, tmp_path):
    monkeypatch.setattr(image_classifiers, "LINEAR_FROM_CLASSES", 3)
    spec = example_spec(24, 40, 3, 3)
    estimator = hog_svm(spec)
    estimator.fit(images(spec, 60, 1), images(spec, 40, 2), seed=1)
    rows = awkward(spec, images(spec, 20, 3)["image"])
    expected = estimator.predict({"image": rows})
    answer = served(estimator, spec, tmp_path, rows)
    np.testing.assert_allclose(answer["probabilities"], expected["probabilities"], atol=1e-6)
    assert [int(label) for label in answer["label"]] == expected["predicted"].tolist()


def test_saved_and_loaded_it_answers_the_same(tmp_path):
    spec = example_spec(8, 8, 1, 3)
    estimator = hog_svm(spec, features="edges", kernel="rbf")
    estimator.fit(images(spec, 60, 1), images(spec, 40, 2), seed=1)
    pixels = images(spec, 20, 3)["image"]
    expected = served(estimator, spec, tmp_path, pixels)
    module, signatures = serve_classical.estimator_endpoints(estimator, spec, tmp_path)
    tf.saved_model.save(module, str(tmp_path / "model"), signatures)
    loaded = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    answer = loaded(image_bytes=tf.constant([image_decoding.png(image) for image in pixels]))
    for name, values in answer.items():
        np.testing.assert_array_equal(values.numpy(), expected[name])
    assert loaded(image_bytes=tf.constant([], tf.string))["probabilities"].shape == (0, 3)
