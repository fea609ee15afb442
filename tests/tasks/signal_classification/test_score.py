"""Scores of an example that was computed by hand: windows, recordings, the worst group."""

import numpy as np
import pytest

from pipelines.evaluation.classifier import Outputs
from pipelines.tasks.signal_classification import baselines
from pipelines.tasks.signal_classification.example import example_spec
from pipelines.tasks.signal_classification.metrics import of_recordings, score, weights

SPEC = example_spec(classes=2, recordings=3, windows=2)
# Three recordings of two windows each; the second one's is right only as a whole.
OUTPUTS = Outputs(
    np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.9, 0.1], [0.7, 0.3], [0.6, 0.4]], np.float32),
    np.array([0, 0, 1, 0, 0, 0], np.int32),
)
TEST = {
    "label": np.array([0, 0, 0, 0, 1, 1], np.int32),
    "recording": np.array([0, 0, 1, 1, 2, 2], np.int32),
    "group": np.array([0, 0, 0, 0, 1, 1], np.int32),
}


def test_windows_recordings_and_the_worst_group():
    values = score(OUTPUTS, TEST, SPEC, np.ones((1, 6), np.uint8))
    assert values["accuracy"] == pytest.approx(3 / 6)
    assert values["recording_accuracy"] == pytest.approx(2 / 3)
    # Class 0: 2 of 3 answers, all found, F1 0.8; class 1: never answered.
    assert values["recording_macro_f1"] == pytest.approx(0.4)
    assert values["worst_group_accuracy"] == pytest.approx(0.0)
    probabilities, predicted, first = of_recordings(OUTPUTS.probabilities, TEST["recording"])
    np.testing.assert_allclose(probabilities[1], [0.65, 0.35], atol=1e-6)
    assert predicted.tolist() == [0, 0, 0] and first.tolist() == [0, 2, 4]


def test_a_group_that_a_resample_left_out_is_not_the_worst():
    values = score(OUTPUTS, TEST, SPEC, np.array([[1, 1, 1, 1, 0, 0]], np.uint8))
    assert values["worst_group_accuracy"] == pytest.approx(0.75)


def test_without_groups_there_is_no_worst_one():
    unknown = {**TEST, "group": np.full(6, -1, np.int32)}
    assert "worst_group_accuracy" not in score(OUTPUTS, unknown, SPEC, np.ones((1, 6), np.uint8))


def test_windows_of_a_recording_are_drawn_together():
    drawn = weights(6, 200, seed=[1, 0], spec=SPEC)
    assert drawn.shape == (201, 6) and (drawn[0] == 1).all()
    np.testing.assert_array_equal(drawn[:, ::2], drawn[:, 1::2])
    assert len(np.unique(drawn[:, 0])) > 1
    with pytest.raises(ValueError):
        weights(5, 10, seed=[1, 0], spec=SPEC)


def test_length_alone_tells_classes_that_were_recorded_for_different_times():
    rows = [1, 1, 1, 3, 3, 3]  # windows of six recordings
    recording = np.repeat(np.arange(6), rows).astype(np.int32)
    columns = {
        "recording": recording, "signal": np.ones((len(recording), 8, 1), np.float32),
        "label": (recording >= 3).astype(np.int32),
    }  # fmt: skip
    columns["signal"][0, 5:] = 0  # the first recording ends earlier
    lengths, first = baselines.recording_lengths(columns)
    assert lengths.tolist() == [5, 8, 8, 24, 24, 24] and first.tolist() == [0, 1, 2, 3, 6, 9]
    baselines_of = baselines.NEIGHBOURS
    try:
        baselines.NEIGHBOURS = 2
        predicted = baselines.by_length(columns, columns, SPEC).predicted
    finally:
        baselines.NEIGHBOURS = baselines_of
    np.testing.assert_array_equal(predicted, columns["label"])
