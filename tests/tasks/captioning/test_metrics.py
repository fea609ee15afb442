"""Scores of an example computed by hand; captions all alike; facts by part of test."""

import numpy as np
import pytest

from pipelines.storage.repeated import Repeated
from pipelines.tasks.captioning import baselines, metrics
from pipelines.tasks.captioning.example import example_spec
from pipelines.tasks.captioning.metrics import Outputs

SPEC = example_spec()
REFERENCES = ["a red seven above a blue two\nover a blue two is a red seven",
              "a green one left of a red nine", "a blue four is below a red six"]  # fmt: skip
FACTS = ["red seven above blue two", "green one left of red nine", "red six above blue four"]
HELD_OUT = np.array([False, False, True])
TEST = {"references": REFERENCES, "facts": FACTS, "held_out": HELD_OUT}
CAPTIONS = ["A red seven above a blue two.", "a green one left of a red eight",
            "a red six under a blue four"]  # fmt: skip


def score(captions, weights=None, test=TEST, **more) -> dict[str, float]:
    weights = np.ones((1, len(captions))) if weights is None else np.array([weights])
    outputs = Outputs(captions, np.zeros(len(captions)), **more)
    return {name: float(v[0]) for name, v in metrics.score(outputs, test, SPEC, weights).items()}


def test_scores_by_hand():
    values = score(CAPTIONS, copied=np.array([True, False, False]))
    assert values["exact_match"] == values["copied"] == pytest.approx(1 / 3)
    assert values["distinct"] == 1
    # All; not a digit; not the relation.
    assert values["facts"] == pytest.approx((1 + 0.8 + 0.8) / 3)
    assert values["all_facts"] == pytest.approx(1 / 3)
    assert values["facts_seen"] == pytest.approx(0.9)
    assert values["facts_held_out"] == pytest.approx(0.8)


def test_facts_are_scored_where_they_are_known():
    values = score(CAPTIONS, test={"references": REFERENCES})
    assert not {"facts", "facts_held_out", "copied"} & set(values)


def test_captions_all_alike_are_noticed():
    assert score(["a red seven"] * 3)["distinct"] == pytest.approx(1 / 3)


def test_weights_count_rows_as_often_as_they_are_drawn():
    values = score(CAPTIONS, [2, 0, 1])
    assert values["exact_match"] == pytest.approx(2 / 3)
    assert values["facts_seen"] == 1 and values["facts_held_out"] == pytest.approx(0.8)
    two = score(CAPTIONS, [1, 0, 1])["cider_d"], score(CAPTIONS, [1, 0, 0])["cider_d"]
    assert values["cider_d"] == pytest.approx((2 * two[0] + two[1]) / 3)


def test_bleu_knows_all_references_and_ignores_case_and_punctuation():
    assert score(CAPTIONS, [1, 0, 0])["bleu"] == pytest.approx(100)
    other = score(["Over a blue two, is a RED seven", *CAPTIONS[1:]], [1, 0, 0])["bleu"]
    assert other == pytest.approx(100)
    # 7 of 8 words, 6 of 7 pairs, 5 of 6 and 4 of 5.
    expected = 100 * (7 / 8 * 6 / 7 * 5 / 6 * 4 / 5) ** 0.25
    assert score(CAPTIONS, [0, 1, 0])["bleu"] == pytest.approx(expected)


def test_one_image_alone_has_a_score():
    test = {"references": REFERENCES[1:2]}
    assert score([REFERENCES[1]], test=test)["cider_d"] == pytest.approx(10)
    assert score(["two cats"], test=test)["cider_d"] == 0


def test_baselines_say_what_train_says():
    captions = ["a cat", "a black cat", "a cat", "the dog"]
    train = {"image": Repeated(np.zeros((3, 8, 8, 3), np.uint8), np.array([0, 0, 1, 2])),
             "caption": captions}  # fmt: skip

    class NoStrong:
        components: dict = {}

    test = {"references": REFERENCES}
    given = dict(baselines.fit_predict(train, train, test, SPEC, 1, strong=NoStrong()))
    assert list(given["baseline_single_caption"].captions) == ["a cat"] * 3
    assert set(given["baseline_random_caption"].captions) <= set(captions)
    assert given["baseline_random_caption"].copied.all()
