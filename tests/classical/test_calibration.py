"""One Platt calibration for all baselines: without a penalty, for two and for several classes."""

import ast

import numpy as np
import pytest

from pipelines.classical.calibration import PlattCalibration
from pipelines.config import signatures
from pipelines.inference.decision import platt, sigmoid

RNG = np.random.default_rng(0)
TARGETS = np.arange(135) % 5
SEPARABLE = np.where(np.eye(5, dtype=bool)[TARGETS], 1.0, -1.0) * RNG.uniform(0.5, 1.5, (135, 5))
NOISY = SEPARABLE + RNG.normal(0, 1.2, SEPARABLE.shape)


def log_loss(probabilities: np.ndarray, targets: np.ndarray) -> float:
    return float(-np.log(probabilities[np.arange(len(targets)), targets]).mean())


def test_no_other_calibration_is_in_the_code():
    """Logistic regression of scikit-learn has a penalty by default: C=1.0.

    Of features it is a model of its own, whose penalty is chosen on val.
    """
    models = {signatures.ROOT / "pipelines/classical/linear_sequences.py"}
    folders = [signatures.ROOT / name for name in ("pipelines", "models")]
    for path in (file for folder in folders for file in folder.rglob("*.py")):
        names = {alias.name for node in ast.walk(ast.parse(path.read_text("utf-8")))
                 if isinstance(node, ast.ImportFrom) for alias in node.names}  # fmt: skip
        assert "CalibratedClassifierCV" not in names, path
        assert "LogisticRegression" not in names or path in models, path


@pytest.mark.parametrize("margins", [SEPARABLE, NOISY], ids=["separable", "noisy"])
@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_scale_of_the_margins_does_not_matter(margins, scale):
    """A penalty on the slope would make small margins less certain than large ones."""
    expected = PlattCalibration.fit(margins, TARGETS)(margins)
    scaled = PlattCalibration.fit(margins * scale, TARGETS)(margins * scale)
    np.testing.assert_allclose(scaled, expected, atol=1e-6)


def test_a_classifier_without_an_error_has_a_small_log_loss():
    """With C=1.0 it was 0.0504 on digits_low, worse than of networks that err."""
    probabilities = PlattCalibration.fit(SEPARABLE, TARGETS)(SEPARABLE)
    assert log_loss(probabilities, TARGETS) < 0.02
    assert (probabilities.argmax(axis=1) == TARGETS).all()


def test_several_classes_by_hand():
    """One class against the rest; independent, given that exactly one class is the true one."""
    probabilities = PlattCalibration.fit(NOISY, TARGETS)(NOISY)
    one_vs_rest = np.empty_like(NOISY)
    for label in range(5):
        slope, intercept = platt(NOISY[:, label], label == TARGETS)
        one_vs_rest[:, label] = sigmoid(slope * NOISY[:, label] + intercept)
    exactly_one = np.stack(
        [
            one_vs_rest[:, label] * np.delete(1 - one_vs_rest, label, axis=1).prod(axis=1)
            for label in range(5)
        ],
        axis=1,
    )
    expected = exactly_one / exactly_one.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-9)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_two_classes_are_platt_scaling():
    targets, margins = TARGETS % 2, NOISY[:, :1] * np.where(TARGETS % 2, 1, -1)[:, None]
    slope, intercept = platt(margins[:, 0], targets == 1)
    probabilities = PlattCalibration.fit(margins, targets)(margins)
    np.testing.assert_array_equal(probabilities[:, 1], sigmoid(slope * margins[:, 0] + intercept))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
