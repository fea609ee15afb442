"""Scores, baselines and speed of learning of sequence memory, against closed forms."""

from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.datasets import adding_problem, copy_memory
from pipelines.evaluation import bootstrap, learning_speed
from pipelines.storage.trials import Trial
from pipelines.tasks.sequence_memory import example
from pipelines.tasks.sequence_memory.baselines import constant, fit_predict
from pipelines.tasks.sequence_memory.info import INFO
from pipelines.tasks.sequence_memory.metrics import Outputs, score

ONCE = np.ones((1, 2), np.uint8)


def test_the_loss_of_a_number_is_the_squared_error():
    outputs = Outputs(np.array([1.0, 0.5], np.float32))
    metrics = score(outputs, {"value": np.array([0.5, 0.5])}, example.example_spec(), ONCE)
    assert metrics == {"loss": pytest.approx([0.125])}


def test_classes_have_cross_entropy_and_accuracy():
    outputs = Outputs(np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], np.float32))
    metrics = score(outputs, {"label": np.array([0, 2])}, example.class_spec(), ONCE)
    assert metrics["accuracy"] == pytest.approx([0.5])
    assert metrics["loss"] == pytest.approx([-(np.log(0.5) + np.log(0.1)) / 2], rel=1e-6)


def test_recall_counts_the_last_steps_alone():
    spec = example.symbols_spec(steps=4, ids=3, recalled=2)
    targets = np.array([[0, 0, 1, 2], [0, 0, 2, 2]])
    predicted = np.array([[0, 0, 1, 1], [0, 0, 2, 2]])
    probabilities = np.where(np.eye(3)[predicted] == 1, 0.8, 0.1)
    metrics = score(Outputs(probabilities), {"digits": targets}, spec, ONCE)
    assert metrics["digit_recall"] == pytest.approx([0.75])  # of all steps 7 of 8 are right
    assert metrics["loss"] == pytest.approx([-(7 * np.log(0.8) + np.log(0.1)) / 8])


def test_metrics_are_undefined_where_nothing_was_drawn():
    outputs = Outputs(np.array([1.0, 0.5], np.float32))
    weights = np.array([[0, 0], [2, 0]], np.uint8)
    metrics = score(outputs, {"value": np.zeros(2)}, example.example_spec(), weights)
    assert np.isnan(metrics["loss"][0]) and metrics["loss"][1] == 1


def baseline_loss(train, test, spec) -> float:
    (_, outputs), *others = fit_predict(train, {}, test, spec, 1)
    assert not others
    return float(score(outputs, test, spec, np.ones((1, len(outputs.values))))["loss"][0])


def test_who_learns_nothing_of_adding_has_a_loss_of_a_sixth():
    rng = np.random.default_rng(0)
    train, test = ({"value": adding_problem.draw(20_000, 8, rng)[1]} for _ in range(2))
    assert baseline_loss(train, test, example.example_spec()) == pytest.approx(1 / 6, rel=0.03)


@pytest.mark.parametrize("delay", [20, 100])
def test_who_remembers_nothing_of_a_copy_has_the_memoryless_loss(delay):
    options = copy_memory.Options(delay_steps=delay)
    _, targets = copy_memory.draw(options, 6000, np.random.default_rng(0))
    train, test = ({"digits": part} for part in (targets[:5000], targets[5000:]))
    spec = example.symbols_spec(delay + 20, 10, 10)
    expected = 10 * np.log(8) / (delay + 20)
    assert baseline_loss(train, test, spec) == pytest.approx(expected, rel=0.01)
    recall = score(
        Outputs(np.repeat(constant(train["digits"], spec)[None], 1000, axis=0)),
        test, spec, np.ones((1, 1000)),
    )["digit_recall"]  # fmt: skip
    assert recall == pytest.approx([1 / 8], abs=0.02)


@pytest.mark.parametrize(("delay", "loss"), [(500, 0.03999), (1000, 0.02039), (2000, 0.01029)])
def test_the_memoryless_losses_of_the_literature(delay, loss):
    """Bai et al. report .0204 for an LSTM at 1000 steps: it had learned nothing."""
    assert 10 * np.log(8) / (delay + 20) == pytest.approx(loss, abs=5e-6)


def test_the_majority_is_the_largest_class_of_train():
    spec = example.class_spec()
    shares = constant(np.array([0, 1, 1, 2]), spec)
    np.testing.assert_allclose(shares, [0.25, 0.5, 0.25])


def test_steps_to_half_of_the_trivial_loss(tmp_path):
    trial, never = Trial(0, 1), Trial(0, 2)
    for split in (trial, never):
        folder = tmp_path / f"repeat{split.repeat}/train"
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "value.npy", np.zeros(65))
    fit = SimpleNamespace(batch_size=32)
    stage = SimpleNamespace(
        prepared=tmp_path, key="k", spec=example.example_spec(),
        params=SimpleNamespace(experiments={"k": SimpleNamespace(fit=fit)}),
    )  # fmt: skip
    values = bootstrap.weights(1, 2, seed=0)[:, 0] * 0.2
    trivial = learning_speed.trivial_loss(
        INFO, {0: {"baseline_constant": {"loss": values}, "baseline_linear": {"loss": 0 * values}}}
    )
    assert trivial == pytest.approx(0.2)
    falling = [{"epoch": n + 1, "val/loss": v} for n, v in enumerate((0.19, 0.11, 0.1, 0.05))]
    flat = [{"epoch": 1, "val/loss": 0.19}]
    speed = learning_speed.steps_to_half(stage, {trial: falling}, trivial)
    assert speed == {"training/steps_to_half": 9}  # three epochs of three batches
    assert learning_speed.steps_to_half(stage, {trial: falling, never: flat}, trivial) == {}
