"""The served graphs: equal to numpy, streaming, with an answer for what cannot be judged."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from pipelines.classical.anomaly import methods
from pipelines.tasks.anomaly_detection import objective, score, serve
from pipelines.tasks.anomaly_detection.example import example_spec

SPEC = example_spec(history=12, columns=2, season=4, test=300)


def columns(rows: int, seed: int = 1) -> dict:
    """Windows of one stream that swings with period 4, and their labels, all 0."""
    rng = np.random.default_rng(seed)
    time = np.arange(rows + 11)
    wave = np.stack([np.sin(np.pi / 2 * time), np.cos(np.pi / 2 * time)], axis=1)
    values = (10 + 2 * wave + rng.normal(0, 0.2, wave.shape)).astype(np.float32)
    history = np.moveaxis(np.lib.stride_tricks.sliding_window_view(values, 12, axis=0), -1, 1)
    labels = np.zeros((rows, 12, 1), np.float32)
    return {
        "history": history, "steps": np.concatenate([history, labels], axis=2),
        "event": np.full(rows, -1), "stream": np.zeros(rows, int), "values": values,
    }  # fmt: skip


TRAIN, VAL, TEST = columns(200), columns(150, 2), columns(100, 3)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    model = models.build(SPEC, "step_forecasters", builder="lstm_step_forecaster", units=4)
    predict = lambda: model.predict({"history": VAL["history"]}, verbose=0)  # noqa: E731
    rule = objective.fit_decision_rule(predict, VAL["steps"], SPEC, smooth_steps=2)
    return model, rule


@pytest.fixture(scope="module", params=list(methods.KINDS))
def classical(request):
    estimator = models.build(
        SPEC,
        "classical/detectors",
        builder="detector",
        method=request.param,
        smooth_steps=2,
        lags=4,
    )
    estimator.fit(TRAIN, VAL, 1)
    return estimator


def served(estimator):
    return serve.estimator_endpoints(estimator, SPEC, None)[1]["serving_default"]


def test_the_graph_of_a_classical_detector_gives_what_numpy_gives(classical):
    predicted = classical.predict(TEST)
    answer = {n: v.numpy() for n, v in served(classical)(tf.constant(TEST["history"])).items()}
    for name in ("score", "expected", "contribution"):
        np.testing.assert_allclose(answer[name], predicted[name], rtol=2e-6, atol=1e-6)
    np.testing.assert_array_equal(answer["anomaly"], predicted["anomaly"])
    np.testing.assert_allclose(answer["contribution"].sum(1), answer["score"], rtol=1e-5)


def test_a_classical_detector_is_restored(classical, tmp_path):
    classical.save(tmp_path)
    restored = models.build(SPEC, "classical/detectors", builder="detector", smooth_steps=2, lags=4)
    restored.restore(tmp_path)
    assert restored.selection == classical.selection
    for name, values in classical.predict(TEST).items():
        np.testing.assert_array_equal(restored.predict(TEST)[name], values)


def test_scores_of_a_prefix_are_the_prefix_of_scores(classical, network):
    """Rows after one may change, or not be there: its score is the same."""
    model, rule = network
    longer = columns(100, 3)
    changed = longer["values"].copy()
    changed[11 + 60 :] += 50.0
    history = np.moveaxis(np.lib.stride_tricks.sliding_window_view(changed, 12, axis=0), -1, 1)
    for judge in (
        lambda h: classical.predict({"history": h})["score"],
        lambda h: score.predict(model, {"history": h}, SPEC, rule).score,
    ):
        whole = judge(longer["history"])
        np.testing.assert_array_equal(judge(np.ascontiguousarray(history))[:60], whole[:60])
        np.testing.assert_allclose(judge(longer["history"][:60]), whole[:60], rtol=1e-5)


def test_the_answer_of_a_network(network):
    model, rule = network
    detector, signatures = serve.endpoints(model, SPEC, None, rule)
    answer = {n: v.numpy() for n, v in detector.judge(tf.constant(TEST["history"])).items()}
    assert {n: v.shape for n, v in answer.items()} == {
        "score": (100,), "anomaly": (100,), "threshold": (100,), "expected": (100, 2),
        "contribution": (100, 2),
    }  # fmt: skip
    np.testing.assert_allclose(answer["contribution"].sum(1), answer["score"], rtol=1e-5)
    assert (answer["anomaly"] == (answer["score"] > answer["threshold"])).all()
    same = score.predict(model, TEST, SPEC, rule)
    np.testing.assert_array_equal(same.score, answer["score"])


def test_a_labeller_has_no_expected_value():
    keras.utils.set_random_seed(1)
    model = models.build(SPEC, "step_labellers", builder="lstm_step_labeller", units=4)
    predict = lambda: model.predict({"history": VAL["history"]}, verbose=0)  # noqa: E731
    rule = objective.fit_decision_rule(predict, VAL["steps"], SPEC)
    outputs = score.predict(model, TEST, SPEC, rule)
    assert outputs.expected is None and ((outputs.score > 0) & (outputs.score < 1)).all()


def test_what_cannot_be_judged_is_an_alarm_and_changes_no_other_row(network, classical):
    model, rule = network
    history = TEST["history"][:4].copy()
    history[1, 5, 0], history[2, -1, 1] = np.nan, np.inf
    for judge in (serve.endpoints(model, SPEC, None, rule)[0].judge, served(classical)):
        clean = judge(tf.constant(TEST["history"][:4]))["score"].numpy()
        answer = {n: v.numpy() for n, v in judge(tf.constant(history)).items()}
        assert np.isnan(answer["score"][1:3]).all() and answer["anomaly"][1:3].all()
        np.testing.assert_allclose(answer["score"][[0, 3]], clean[[0, 3]], rtol=1e-5)


def test_the_threshold_is_a_quantile_of_normal_rows_and_one_wild_row_does_not_move_it(network):
    model, _ = network
    wild = VAL["steps"].copy()
    wild[40, :, 0] = 1e7
    rules = []
    for targets in (VAL["steps"], wild):
        predict = lambda t=targets: model.predict({"history": t[..., :-1]}, verbose=0)  # noqa: E731
        rule = objective.fit_decision_rule(predict, targets, SPEC, false_alarms_per_1000=100)
        rules.append(rule.options["threshold"])
    assert rules[1] == pytest.approx(rules[0], rel=0.2)


def test_labelled_windows_take_no_part_in_the_loss():
    inputs, targets = {"history": TEST["history"]}, TEST["steps"].copy()
    loss = objective.loss(SPEC)
    predicted = tf.constant(inputs["history"] + 1)
    clean = float(loss(targets[:50], predicted[:50]))
    targets[50:, 3, -1] = 1
    assert float(loss(targets, predicted)) == pytest.approx(clean / 2)


def test_examples_hold_events_and_normal_rows():
    event = np.full(100, -1)
    event[20:30], event[60:70] = 0, 1
    requests = serve.examples({**TEST, "event": event}, SPEC, 8)
    assert requests["history"].shape == (8, 12, 2)
