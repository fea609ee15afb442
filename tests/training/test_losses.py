"""Label smoothing, against Keras's loss of one-hot targets."""

import keras
import numpy as np
import pytest

from pipelines.config.errors import UserError
from pipelines.training import classifier_objective
from pipelines.training.losses import MaskedCrossentropy, SmoothedCrossentropy

TARGETS = np.array([2, 0, 1, 2], "int32")
LOGITS = np.random.default_rng(1).normal(0, 3, (4, 3)).astype("float32")


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_nats_are_those_of_one_hot_targets(smoothing):
    reference = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    expected = float(reference(np.eye(3)[TARGETS], LOGITS))
    assert float(
        classifier_objective.loss(None, label_smoothing=smoothing)(TARGETS, LOGITS)
    ) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("masked", [False, True])
def test_a_step_of_descent_is_that_of_the_operations_own_gradients(smoothing, masked):
    """SGD with rate 1 from the logits themselves: the step is the gradient."""
    rng = np.random.default_rng(2)
    targets = rng.integers(0, 9, (3, 5)).astype("int32")  # 0 is padding where it is masked
    start = (rng.normal(0, 3, (3, 5, 9)) + 50).astype("float32")

    def reference(targets, logits):
        smoothed = keras.ops.one_hot(targets, 9) * (1 - smoothing) + smoothing / 9
        nats = -keras.ops.sum(smoothed * keras.ops.log_softmax(logits), axis=-1)
        if not masked:
            return nats
        real = keras.ops.cast(targets != 0, nats.dtype)
        return keras.ops.sum(nats * real) / keras.ops.sum(real)

    measure = MaskedCrossentropy if masked else SmoothedCrossentropy
    ends = []
    for loss in (measure(smoothing), reference):
        rows = keras.Input((), dtype="int32")
        logits = keras.layers.Embedding(3, 45)(rows)
        model = keras.Model(rows, keras.layers.Reshape((5, 9))(logits))
        model.set_weights([start.reshape(3, 45)])
        model.compile(keras.optimizers.SGD(1.0), loss)
        model.train_on_batch(np.arange(3), targets)
        ends.append(model.get_weights()[0] - start.reshape(3, 45))
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-3, atol=1e-5)
    assert np.abs(ends[0]).max() > 1e-3


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
