"""Metrics of anomaly detection on a stream that is small enough to count by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from pipelines.tasks.anomaly_detection import metrics
from pipelines.tasks.anomaly_detection.example import example_spec
from pipelines.tasks.anomaly_detection.metrics import Outputs

EVENT = np.array([-1, -1, 0, 0, 0, -1, -1, 1, 1, -1])
TEST = {"event": EVENT, "stream": np.zeros(10, int)}
SPEC = example_spec(test=10)


def scored(score, anomaly, test=TEST, spec=SPEC) -> dict[str, float]:
    outputs = Outputs(np.asarray(score, np.float32), np.asarray(anomaly, bool))
    weights = metrics.weights(len(test["event"]), 0, seed=1, spec=spec)
    values = metrics.score(outputs, test, spec, weights)
    return {name: value[0] for name, value in values.items()}


def test_rows_and_events_at_the_threshold():
    alarm = np.isin(np.arange(10), (1, 3, 4))  # one false alarm; one event found, after one row
    found = scored(alarm, alarm)
    assert found["precision"] == pytest.approx(2 / 3)
    assert found["recall"] == pytest.approx(0.4)
    assert found["f1"] == pytest.approx(0.5)  # 2 * 2 / (3 + 5)
    assert found["false_alarm_rate"] == pytest.approx(0.2)
    assert found["event_recall"] == pytest.approx(0.5)
    assert found["delay_steps"] == pytest.approx(1)
    assert found["f1_point_adjusted"] == pytest.approx(2 * 3 / (4 + 5))


def test_never_and_always():
    never, always = scored(np.zeros(10), np.zeros(10)), scored(np.ones(10), np.ones(10))
    assert never["f1"] == 0 and np.isnan(never["precision"]) and np.isnan(never["delay_steps"])
    assert never["pr_auc"] == always["pr_auc"] == pytest.approx(0.5)  # the share of events
    assert always["f1"] == pytest.approx(10 / 15)
    assert always["event_recall"] == 1 and always["delay_steps"] == 0
    assert always["event_recall_at_1_per_1000"] == 0  # no threshold has so few false alarms


def test_the_area_is_that_of_scikit_learn_with_ties():
    rng = np.random.default_rng(1)
    event = np.where(rng.random(500) < 0.2, 0, -1)
    score = rng.integers(0, 40, 500) + 8 * (event == 0)
    spec = example_spec(test=500)
    values = scored(score, score > 30, {"event": event, "stream": np.zeros(500, int)}, spec)
    assert values["pr_auc"] == pytest.approx(average_precision_score(event == 0, score), abs=1e-12)


def test_many_levels_are_thinned_with_almost_no_loss():
    rng = np.random.default_rng(1)
    event = np.where(rng.random(20_000) < 0.1, 0, -1)
    score = rng.normal(1.5 * (event == 0), 1).astype(np.float32)
    spec = example_spec(test=20_000)
    test = {"event": event, "stream": np.zeros(20_000, int)}
    expected = average_precision_score(event == 0, score)
    assert scored(score, score > 2, test, spec)["pr_auc"] == pytest.approx(expected, abs=2e-4)


def test_events_found_at_one_false_alarm_of_1000():
    event = np.full(2000, -1)
    event[100:110], event[500:510], event[900:910] = 0, 1, 2
    score = np.zeros(2000)
    score[[3, 7]] = 0.6, 0.4  # of 1,970 normal rows one may be an alarm
    score[105], score[505], score[905] = 0.9, 0.5, 0.3
    test = {"event": event, "stream": np.zeros(2000, int)}
    values = scored(score, score > 2, test, example_spec(test=2000))
    assert values["event_recall_at_1_per_1000"] == pytest.approx(2 / 3)


def test_a_score_that_is_not_known_is_the_first_alarm():
    score = np.zeros(10)
    score[2] = np.nan
    assert scored(score, np.isnan(score))["pr_auc"] > scored(np.zeros(10), np.zeros(10))["pr_auc"]


def test_point_adjustment_flatters_a_random_score():
    """What is printed of it is printed beside a random score's."""
    rng = np.random.default_rng(1)
    event = np.full(4000, -1)
    for number in range(8):
        event[500 * number + 100 : 500 * number + 300] = number
    test, spec = {"event": event, "stream": np.zeros(4000, int)}, example_spec(test=4000)
    alarm = rng.random(4000) < 0.01
    values = scored(alarm, alarm, test, spec)
    assert values["f1"] < 0.05 and values["f1_point_adjusted"] > 0.8


def test_whole_streams_are_drawn_together():
    spec = replace(SPEC, task_metadata={**SPEC.task_metadata, "resampled": [3, 2, 4, 1]})
    weights = metrics.weights(10, 50, seed=1, spec=spec)
    assert weights.shape == (51, 10) and (weights[0] == 1).all()
    for rows in np.split(weights, [3, 5, 9], axis=1):
        assert (rows == rows[:, :1]).all()
    alone = replace(SPEC, task_metadata={**SPEC.task_metadata, "resampled": [10]})
    assert metrics.weights(10, 50, seed=1, spec=alone).shape == (1, 10)


def test_a_weighting_is_the_score_of_the_drawn_streams():
    rng = np.random.default_rng(2)
    lengths = [30, 20, 25, 25]
    stream = np.repeat(np.arange(4), lengths)
    event = np.full(100, -1)
    event[5:9], event[35:38], event[60:66], event[80:82] = 0, 1, 2, 3
    score = rng.random(100) + (event >= 0) * rng.random(100)
    outputs = Outputs(score, score > 0.9)
    spec = replace(SPEC, task_metadata={**SPEC.task_metadata, "resampled": lengths})
    weights = np.repeat([[1, 1, 1, 1], [0, 2, 1, 0]], lengths, axis=1)
    both = metrics.score(outputs, {"event": event, "stream": stream}, spec, weights)
    rows = np.concatenate([np.arange(30, 50), np.arange(30, 50), np.arange(50, 75)])
    # The stream that is drawn twice has an event of its own each time.
    drawn = {"event": event[rows], "stream": np.repeat([0, 1, 2], [20, 20, 25])}
    drawn["event"][20:40][drawn["event"][20:40] == 1] = 9
    twice = replace(SPEC, task_metadata={**SPEC.task_metadata, "resampled": [20, 20, 25]})
    ones = np.ones((1, 65))
    alone = metrics.score(Outputs(score[rows], outputs.anomaly[rows]), drawn, twice, ones)
    assert {n: v[1] for n, v in both.items()} == pytest.approx(
        {n: v[0] for n, v in alone.items()}, nan_ok=True
    )


def test_outputs_are_saved(tmp_path):
    outputs = Outputs(np.array([0.5, 2.0], np.float32), np.array([False, True]))
    outputs.save(tmp_path / "out")
    loaded = Outputs.load(tmp_path / "out")
    np.testing.assert_array_equal(loaded.score, outputs.score)
    np.testing.assert_array_equal(loaded.anomaly, outputs.anomaly)
