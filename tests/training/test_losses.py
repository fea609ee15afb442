"""Label smoothing, against Keras's loss of one-hot targets."""

import keras
import numpy as np
import pytest

from pipelines.config.errors import UserError
from pipelines.training import classifier_objective
from pipelines.training.losses import SmoothedCrossentropy

TARGETS = np.array([2, 0, 1, 2], "int32")
LOGITS = np.random.default_rng(1).normal(0, 3, (4, 3)).astype("float32")


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_nats_are_those_of_one_hot_targets(smoothing):
    reference = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    expected = float(reference(np.eye(3)[TARGETS], LOGITS))
    assert float(
        classifier_objective.loss(None, label_smoothing=smoothing)(TARGETS, LOGITS)
    ) == pytest.approx(expected, rel=1e-5)


def test_a_fit_reports_it():
    """Had Keras targets of (B, 1), rows would be paired with one another."""
    numbers = keras.Input((3,))
    model = keras.Model(numbers, keras.layers.Identity()(numbers))
    measure = SmoothedCrossentropy(0.1)
    model.compile(loss=measure)
    value = model.evaluate(LOGITS, TARGETS, batch_size=4, verbose=0)
    assert value == pytest.approx(float(measure(TARGETS, LOGITS)), rel=1e-5)


def test_more_probability_than_there_is_cannot_be_spread():
    with pytest.raises(UserError) as error:
        classifier_objective.loss(None, label_smoothing=1.5)
    assert error.value.code == "label-smoothing-invalid"
    assert (error.value.key, error.value.value) == ("loss.label_smoothing", 1.5)
