"""Scores of an example computed by hand, intervals by image, and the baselines."""

import numpy as np
import pytest

from models.classical.pca_images import pca_images
from pipelines.classical.nearest_neighbours import nearest
from pipelines.tasks.image_reconstruction import baselines, metrics
from pipelines.tasks.image_reconstruction.example import example_batch, example_spec
from pipelines.tasks.image_reconstruction.metrics import Outputs

SPEC = example_spec(1, 2, 1, 2)
# Intensities 0, 0.2; 0.4, 1; 0.2, 0.6.
TEST = {
    "image": np.array([0, 51, 102, 255, 51, 153], np.uint8).reshape(3, 1, 2, 1),
    "label": np.array([0, 1, 1], np.int32),
}
OUTPUTS = Outputs(
    np.array([0, 0.2, 0.5, 0.8, 0.2, 0.0], np.float32).reshape(3, 1, 2, 1),
    code=np.array([[0.0], [4.0], [9.0]]),
    train_code=np.array([[1.0], [5.0], [8.0]]),
    train_label=np.array([0, 0, 1]),
)
ERRORS = np.array([0, (0.01 + 0.04) / 2, 0.36 / 2])
# The mean image is 0.2, 0.6.
SPREAD = np.array([(0.04 + 0.16) / 2, (0.04 + 0.16) / 2, 0])


def test_scores_by_hand():
    values = metrics.score(OUTPUTS, TEST, SPEC, metrics.weights(3, 0, seed=1))
    assert {name: float(v[0]) for name, v in values.items()} == pytest.approx({
        "mse": ERRORS.mean(), "explained_variance": 1 - ERRORS.sum() / SPREAD.sum(),
        "nearest_neighbour_accuracy": 2 / 3,
    })  # fmt: skip


def test_weights_count_images_as_often_as_they_are_drawn():
    values = metrics.score(OUTPUTS, TEST, SPEC, np.array([[0, 2, 1], [0, 0, 3]]))
    np.testing.assert_allclose(values["mse"], [(2 * ERRORS[1] + ERRORS[2]) / 3, ERRORS[2]])
    np.testing.assert_allclose(values["nearest_neighbour_accuracy"], [1 / 3, 1])


def test_without_the_codes_of_train_there_is_no_neighbour():
    for outputs in (Outputs(OUTPUTS.reconstruction, OUTPUTS.code), Outputs(OUTPUTS.reconstruction)):
        values = metrics.score(outputs, TEST, SPEC, metrics.weights(3, 0, seed=1))
        assert set(values) == {"mse", "explained_variance"}


@pytest.mark.parametrize("outputs", [OUTPUTS, Outputs(OUTPUTS.reconstruction)])
def test_outputs_are_stored(outputs, tmp_path):
    outputs.save(tmp_path / "outputs")
    loaded = Outputs.load(tmp_path / "outputs")
    for name, value in vars(outputs).items():
        np.testing.assert_array_equal(getattr(loaded, name), value)


def test_the_nearest_row_has_the_least_distance():
    rng = np.random.default_rng(0)
    known, asked = rng.normal(size=(50, 3)), rng.normal(size=(300, 3))
    distances = np.linalg.norm(asked[:, None] - known, axis=2)
    np.testing.assert_array_equal(nearest(known, asked), distances.argmin(axis=1))


def test_the_baselines_are_the_mean_image_and_principal_components():
    spec = example_spec()
    splits = []
    for seed in (1, 2, 3):
        inputs, labels = example_batch(spec, 20, seed)
        splits.append({**inputs, "label": labels, "image_bytes": [b""] * 20})
    train, val, test = splits
    pca = pca_images(spec, code_dim=4)
    pca.fit(train, val, seed=1)
    given = dict(baselines.fit_predict(train, val, test, spec, 1, strong=pca))
    assert list(given) == ["baseline_mean", "baseline_pca"]
    mean = train["image"].mean(axis=0) / 255
    np.testing.assert_allclose(given["baseline_mean"].reconstruction[7], mean, atol=1e-6)
    np.testing.assert_array_equal(given["baseline_pca"].train_code, pca.predict(train)["code"])
    np.testing.assert_array_equal(given["baseline_pca"].train_label, train["label"])
    assert given["baseline_pca"].selection == pca.selection.settings
