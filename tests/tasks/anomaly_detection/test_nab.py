"""NAB's scores on examples that are computed by hand, with the weights that NAB publishes."""

import numpy as np
import pytest

from pipelines.tasks.anomaly_detection import levels, metrics, nab

S1 = 2 / (1 + np.exp(-5.0)) - 1  # s(-1) = .98661
ONE = np.ones((1, 1))


def nab_scores(alarms, event, stream=None) -> dict[str, float]:
    alarms, event = np.array(alarms, bool), np.array(event)
    stream = np.zeros(len(event), int) if stream is None else np.array(stream)
    counts = levels.of_alarms(alarms, event, stream, np.zeros(len(event), int))
    return {name: values[0, 0] for name, values in metrics._nab(counts, ONE).items()}


def test_probation_is_15_percent_and_750_rows_at_most():
    assert [nab.probation(rows) for rows in (99, 1000, 4032, 22_695)] == [14, 150, 604, 750]


@pytest.mark.parametrize(
    ("position", "expected"),
    [(-1.0, 0.98661), (-0.5, 0.84828), (0.0, 0.0), (1.0, -0.98661), (3.0, -1.0), (3.1, -1.0)],
)
def test_the_worth_of_a_position(position, expected):
    assert nab.worth(position) == pytest.approx(expected, abs=1e-5)


def test_published_weights():
    weights = {n: (p.true_positive, p.false_negative, p.false_positive)
               for n, p in nab.PROFILES.items()}  # fmt: skip
    assert weights == {
        "standard": (1.0, 1.0, 0.11), "low_fp": (1.0, 1.0, 0.22), "low_fn": (1.0, 2.0, 0.11)
    }  # fmt: skip


EVENT = [-1, -1, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1]


def test_no_alarm_is_0_and_the_first_row_alone_100():
    assert set(nab_scores(np.zeros(12), EVENT).values()) == {0.0}
    first = nab_scores(np.arange(12) == 2, EVENT)
    assert list(first.values()) == pytest.approx([100, 100, 100])


def test_only_the_earliest_alarm_of_a_window_counts():
    late = nab_scores(np.arange(12) == 4, EVENT)["standard"]  # position -(5 - 4 + 1) / 4
    # raw = s(-.5) / s(-1); 0 is -1 and 100 is 1
    assert late == pytest.approx(100 * ((2 / (1 + np.exp(-2.5)) - 1) / S1 + 1) / 2)
    both = nab_scores(np.isin(np.arange(12), (4, 5)), EVENT)["standard"]
    assert both == late


def test_an_alarm_before_any_window_costs_its_whole_weight():
    scores = nab_scores(np.isin(np.arange(12), (0, 2)), EVENT)
    assert scores["standard"] == pytest.approx(100 * (1 - 0.11 + 1) / 2)
    assert scores["low_fp"] == pytest.approx(100 * (1 - 0.22 + 1) / 2)
    assert scores["low_fn"] == pytest.approx(100 * (1 - 0.11 + 2) / 3)


def test_an_alarm_just_after_a_window_costs_less():
    after = nab_scores(np.isin(np.arange(12), (2, 6)), EVENT)["standard"]  # (6 - 5) / (4 - 1)
    cost = 0.11 * (1 - 2 / (1 + np.exp(5 / 3)))
    assert after == pytest.approx(100 * (1 - cost + 1) / 2)


def test_a_window_of_one_stream_does_not_reach_into_another():
    event, stream = [-1, 0, 0, -1, -1, -1], [0, 0, 0, 1, 1, 1]
    scores = nab_scores([0, 1, 0, 1, 0, 0], event, stream)
    assert scores["standard"] == pytest.approx(100 * (1 - 0.11 + 1) / 2)


def test_the_swept_threshold_is_the_best_one_and_never_worse_than_silence():
    event = np.array(EVENT)
    score = np.array([0, 0.9, 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0.0])
    none = np.zeros(12, int)
    ranked = levels.of_scores(score, event, none, none)
    values = metrics._ranked(ranked, ONE)
    assert values["nab_standard_swept"][0] == pytest.approx(100 * (1 - 0.11 + 1) / 2)
    event = np.append(event, np.full(100, -1))  # so that alarms everywhere cost more than 100
    none = np.zeros(len(event), int)
    only_false = levels.of_scores((event < 0) * 1.0, event, none, none)
    silent = metrics._ranked(only_false, ONE)
    assert silent["nab_standard_swept"][0] == 0
