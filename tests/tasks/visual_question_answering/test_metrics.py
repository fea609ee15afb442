"""Scores of an example computed by hand; intervals by image; the baselines' answers."""

import numpy as np
import pytest

from pipelines.evaluation.classifier import Outputs
from pipelines.preparation import visual_questions
from pipelines.storage.repeated import Repeated
from pipelines.tasks.visual_question_answering import baselines, metrics

LABELS = ("2", "no", "red", "yes")
# Images of 3, 1 and 2 questions; the last answer is none that train has.
SPEC = visual_questions.data_spec((8, 8, 3), 5, 9, LABELS, [3, 1, 2])
ANSWERS = ["yes", "No", "2", "yes", "red", "blue"]
TEST = {"label": np.array([3, 1, 0, 3, 2, 4], np.int32), "answer": ANSWERS}
PREDICTED = np.array([3, 1, 1, 3, 2, 2], np.int32)  # the third and the last are wrong
OUTPUTS = Outputs(np.eye(4, dtype=np.float32)[PREDICTED] * 0.6 + 0.1, PREDICTED)


def score(weights=None) -> dict[str, np.ndarray]:
    weights = metrics.weights(6, 0, seed=1, spec=SPEC) if weights is None else weights
    return metrics.score(OUTPUTS, TEST, SPEC, weights)


def test_scores_by_hand():
    values = {name: float(value[0]) for name, value in score().items()}
    assert values.pop("log_loss") == pytest.approx(
        (4 * -np.log(0.7) - np.log(0.1) - np.log(np.finfo(float).eps)) / 6, rel=1e-6
    )
    assert values == pytest.approx({
        "accuracy": 4 / 6, "accuracy_yes_no": 1.0, "accuracy_number": 0.0, "accuracy_other": 0.5,
        "consistency": 1 / 3, "unknown_answers": 1 / 6,
    })  # fmt: skip


def test_the_questions_of_an_image_are_drawn_together():
    weights = metrics.weights(6, 50, seed=1, spec=SPEC)
    assert weights.shape == (51, 6) and (weights[0] == 1).all()
    np.testing.assert_array_equal(weights[:, 0], weights[:, 1])
    np.testing.assert_array_equal(weights[:, 4], weights[:, 5])
    assert (weights[:, 0] != weights[:, 3]).any()
    assert (weights[:, [0, 3, 4]].sum(axis=1) == 3).all()


def test_weights_count_images_as_often_as_they_are_drawn():
    values = score(np.array([[0, 0, 0, 2, 1, 1]]))
    assert values["accuracy"][0] == pytest.approx(3 / 4)
    assert values["consistency"][0] == pytest.approx(2 / 3)
    assert np.isnan(values["accuracy_number"][0])


@pytest.mark.parametrize(
    ("answer", "kind"), [("Yes", "yes_no"), (" no", "yes_no"), ("12", "number"), ("two", "other")]
)
def test_kinds_of_answers(answer, kind):
    assert metrics.kind(answer) == kind


def test_a_question_is_looked_up_and_an_unknown_one_has_the_majority():
    targets = np.array([0, 1, 1, 2, 2, 2])
    known = ["a", "a", "a", "b", "b", "b"]
    outputs = baselines.shares_by_key(known, ["a", "b", "c"], targets, 3)
    np.testing.assert_array_equal(outputs.predicted, [1, 2, 2])
    np.testing.assert_allclose(outputs.probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(outputs.probabilities[0], np.array([7, 14, 3]) / 24)
    np.testing.assert_allclose(outputs.probabilities[2], [1 / 6, 1 / 3, 1 / 2])


def test_the_nearest_image_is_the_most_similar_one():
    rng = np.random.default_rng(0)
    known = rng.integers(0, 256, (7, 16, 16, 3), np.uint8)
    asked = np.clip(known[[3, 5]].astype(int) + rng.integers(-9, 10, (2, 16, 16, 3)), 0, 255)
    np.testing.assert_array_equal(baselines.nearest(known, asked.astype(np.uint8)), [3, 5])


def test_the_image_alone_gives_the_answer_of_its_neighbour():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 16, 16, 3), np.uint8)
    columns = {
        "image": Repeated(images, np.array([0, 0, 1, 2])), "label": np.array([1, 1, 2, 3]),
        "question": ["a", "b", "a", "a"],
    }  # fmt: skip
    test = {"image": Repeated(images[::-1], np.array([0, 1, 2])), "label": np.zeros(3, np.int32),
            "question": ["x", "y", "z"]}  # fmt: skip

    class NoStrong:
        components: dict = {}

    given = dict(baselines.fit_predict(columns, columns, test, SPEC, 1, strong=NoStrong()))
    np.testing.assert_array_equal(given["baseline_image_only"].predicted, [3, 2, 1])
    np.testing.assert_array_equal(given["baseline_majority"].predicted, [1, 1, 1])
