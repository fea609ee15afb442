"""Support vector machines on images: scikit-learn's decisions as arrays, and the estimator."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.svm import SVC

from models.classical.hog_svm import hog_svm
from pipelines.classical import image_classifiers, image_features
from pipelines.classical.image_classifiers import Setting
from pipelines.classical.svm_decisions import PairwiseSVM
from pipelines.evaluation.classifier import Outputs
from pipelines.tasks.image_classification.example import example_spec
from pipelines.tasks.image_classification.info import INFO
from tests.support.user_errors import user_error


def blobs(classes: int, rows: int, width: int = 6, seed: int = 0):
    """(features, targets) of overlapping classes."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(classes, width))
    targets = np.arange(rows) % classes
    return (centres[targets] + rng.normal(0, 0.9, (rows, width))).astype(np.float32), targets


def images(spec, rows: int, seed: int) -> dict[str, np.ndarray]:
    """Noise around one image a class."""
    shape = spec.inputs["image"].shape
    centres = np.random.default_rng(5).integers(0, 256, (spec.outputs, *shape))
    targets = np.arange(rows) % spec.outputs
    noise = np.random.default_rng(seed).normal(60, 40, (rows, *shape))
    pixels = np.clip(centres[targets] / 2 + noise, 0, 255).astype(np.uint8)
    return {"image": pixels, "label": targets.astype(np.int32)}


@pytest.mark.parametrize("classes", [2, 3, 6])
@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_margins_and_votes_are_scikit_learn_s(kernel, classes):
    features, targets = blobs(classes, 120)
    rows, _ = blobs(classes, 300, seed=1)
    shift = features.mean(axis=0, dtype=np.float64)
    reference = SVC(C=1.0, kernel=kernel).fit(features - shift, targets)
    margins, predicted = PairwiseSVM.of(reference, shift, np.empty((0, 0)))(rows)
    expected = reference.decision_function(rows - shift)
    np.testing.assert_allclose(margins, expected.reshape(len(rows), -1), atol=1e-9)
    np.testing.assert_array_equal(predicted, reference.predict(rows - shift))


def test_of_many_rows_principal_components_are_the_features(monkeypatch):
    monkeypatch.setattr(image_classifiers, "FITTING_ROWS", 50)
    monkeypatch.setattr(image_classifiers, "COMPONENTS", 3)
    features, targets = blobs(3, 90)
    margins, predicted = Setting("rbf", 10.0).fit(features, targets)(features)
    pca = PCA(3, svd_solver="covariance_eigh").fit(features)
    reference = SVC(C=10.0).fit(pca.transform(features), targets)
    expected = reference.decision_function(pca.transform(features))
    np.testing.assert_allclose(margins, expected, atol=1e-5)
    np.testing.assert_array_equal(predicted, reference.predict(pca.transform(features)))


def test_equal_votes_go_to_the_first_class():
    """Each of three classes wins one pair; the margins prefer the last one."""
    svm = PairwiseSVM(
        shift=np.zeros(1), projection=np.empty((0, 0)), vectors=np.zeros((3, 1)),
        sizes=np.ones(3, int), dual=np.zeros((2, 3)), intercepts=np.array([0.5, -9.0, 0.5]),
        gamma=np.zeros(1),
    )  # fmt: skip
    margins, predicted = svm(np.zeros((1, 1), np.float32))
    assert predicted.tolist() == [0]
    assert margins.argmax(axis=1).tolist() == [2]


@pytest.fixture(scope="module", params=[(8, 8, 1, 3), (24, 20, 3, 2)])
def trained(request):
    spec = example_spec(*request.param)
    estimator = hog_svm(spec)
    estimator.fit(images(spec, 90, 1), images(spec, 60, 2), seed=1)
    return spec, estimator


def test_it_classifies_and_its_probabilities_sum_to_one(trained):
    spec, estimator = trained
    test = images(spec, 60, 3)
    outputs = Outputs(**estimator.predict({"image": test["image"]}))
    assert np.mean(outputs.predicted == test["label"]) > 0.9
    assert outputs.probabilities.dtype == np.float32
    np.testing.assert_allclose(outputs.probabilities.sum(axis=1), 1, atol=1e-6)
    assert estimator.components == {"hog_svm": estimator}
    assert estimator.selection.metric == f"val/{INFO.primary_metric}"


def test_stored_and_restored_it_answers_the_same(trained, tmp_path):
    spec, estimator = trained
    estimator.save(tmp_path)
    restored = hog_svm(spec)
    restored.restore(tmp_path)
    assert restored.selection == estimator.selection
    assert restored.parameters == estimator.parameters > 0
    test = images(spec, 40, 3)
    for name, values in estimator.predict(test).items():
        np.testing.assert_array_equal(restored.predict(test)[name], values)


def test_the_best_on_val_is_no_worse_than_any_other_features():
    spec = example_spec(8, 8, 3, 3)
    train, val = images(spec, 45, 1), images(spec, 30, 2)
    accuracies = {}
    for features in ("best", "edges", "edges_and_colours", "pixels"):
        estimator = hog_svm(spec, features=features)
        estimator.fit(train, val, seed=1)
        accuracies[features] = estimator.selection.value
    assert accuracies["best"] == max(accuracies.values())


def test_a_class_without_rows_is_never_predicted(tmp_path):
    spec = example_spec(8, 8, 1, 3)
    train, val, test = (images(example_spec(8, 8, 1, 2), rows, rows) for rows in (40, 30, 20))
    for split in (train, val, test):
        split["label"] = split["label"] * 2  # classes 0 and 2 of three
    estimator = hog_svm(spec, features="pixels", kernel="linear")
    estimator.fit(train, val, seed=1)
    answer = estimator.predict(test)
    assert np.mean(answer["predicted"] == test["label"]) > 0.9
    assert answer["probabilities"].shape == (20, 3)
    assert answer["probabilities"][:, 1].max() < 0.05


def test_many_classes_have_linear_functions_and_it_is_said(capsys, monkeypatch):
    monkeypatch.setattr(image_classifiers, "LINEAR_FROM_CLASSES", 12)
    spec = example_spec(8, 8, 3, 12)
    estimator = hog_svm(spec, features="pixels")
    estimator.fit(images(spec, 240, 1), images(spec, 60, 2), seed=1)
    printed = capsys.readouterr().out
    assert "12 classes" in printed and "candidates" in printed.splitlines()[1]
    assert isinstance(estimator.classifier, image_classifiers.OneVsRest)
    assert estimator.selection.value > 0.8
    kernels = {setting.kernel for setting in image_classifiers.settings(12, "rbf")}
    assert kernels == {"rbf"}  # what is asked for is done
    assert {s.kernel for s in image_classifiers.settings(11)} == {"rbf", "linear"}


def test_a_subsample_has_every_class():
    targets = np.array([0] * 97 + [1, 2, 3])
    rows, labels = image_classifiers.subsample(
        np.arange(100), targets, 10, np.random.default_rng(0)
    )
    assert set(labels) == {0, 1, 2, 3}
    assert 10 <= len(rows) <= 13 and (np.diff(rows) > 0).all()


def test_grey_images_have_no_colours():
    with user_error("features-undefined", key="build.features", value="edges_and_colours"):
        hog_svm(example_spec(8, 8, 1, 3), features="edges_and_colours")
    kinds = [features.kind for features in image_features.candidates((8, 8, 1))]
    assert kinds == ["edges", "edges", "pixels"]
