"""The classical methods on rows few enough to see through."""

import numpy as np
import pytest

from pipelines.text_classification import baselines, score
from pipelines.text_classification.baselines import linear_ngrams, majority

FRUIT = ["red apple", "green pear", "ripe plum", "sweet cherry"]
TOOLS = ["steel hammer", "long saw", "sharp chisel", "small drill"]
TRAIN = (
    [f"{a} {b}" for a, b in zip(FRUIT + TOOLS, FRUIT[1:] + FRUIT[:1] + TOOLS[1:] + TOOLS[:1],
                                strict=True)],
    np.array([0] * 4 + [1] * 4),
)  # fmt: skip
VAL = (FRUIT + TOOLS, np.array([0] * 4 + [1] * 4))


def test_majority_by_hand():
    outputs = majority(np.array([2, 0, 2, 1, 2, 0]), rows=3, classes=4)
    np.testing.assert_allclose(outputs.probabilities, [[2 / 6, 1 / 6, 3 / 6, 0]] * 3)
    assert outputs.predicted.tolist() == [2, 2, 2]
    assert outputs.predicted.dtype == np.int32


def test_svm_on_two_classes_that_share_no_word():
    texts = ["apple and plum", "saw and hammer", "cherry pear", "drill"]
    outputs = linear_ngrams(TRAIN, VAL, texts, seed=1)
    assert outputs.predicted.tolist() == [0, 1, 0, 1]
    assert outputs.predicted.dtype == np.int32
    assert outputs.probabilities.shape == (4, 2)
    np.testing.assert_allclose(outputs.probabilities.sum(axis=1), 1)
    assert (outputs.probabilities.argmax(axis=1) == outputs.predicted).all()


def test_svm_is_the_same_each_time():
    texts = ["apple and plum", "saw and hammer", "a red saw"]
    one, other = (linear_ngrams(TRAIN, VAL, texts, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one.probabilities, other.probabilities)
    np.testing.assert_array_equal(one.predicted, other.predicted)
    assert one.chosen == other.chosen


def test_where_only_letter_case_tells_characters_are_chosen():
    """Words are lower-cased, so they see the same text under both labels."""
    names = ["red apple", "green pear", "ripe plum", "sweet cherry", "long bean", "small fig"]
    texts, targets = names + [n.upper() for n in names], np.array([0] * 6 + [1] * 6)
    train = (texts[:4] + texts[6:10], np.concatenate([targets[:4], targets[6:10]]))
    val = (texts[4:6] + texts[10:], np.concatenate([targets[4:6], targets[10:]]))
    outputs = linear_ngrams(train, val, ["old grape", "OLD GRAPE"], seed=1)
    assert outputs.chosen.startswith("TF-IDF of characters 1-5, C=")
    assert outputs.predicted.tolist() == [0, 1]


def test_where_letter_case_misleads_words_are_chosen():
    """In train fruit is written small and tools large; in val the other way round."""
    train = ([t.upper() if y else t for t, y in zip(*TRAIN, strict=True)], TRAIN[1])
    val = ([t if y else t.upper() for t, y in zip(*VAL, strict=True)], VAL[1])
    outputs = linear_ngrams(train, val, ["APPLE plum", "saw DRILL"], seed=1)
    assert outputs.chosen.startswith("TF-IDF of words 1-2, C=")
    assert outputs.predicted.tolist() == [0, 1]


def test_the_chosen_machine_has_also_learned_from_val():
    """ "spanner" stands in val alone, beside words that train knows from both classes."""
    val = ([*VAL[0], "spanner", "spanner"], np.append(VAL[1], [1, 1]))
    more = ([*VAL[0], "spanner", "spanner"], np.append(VAL[1], [0, 0]))
    assert linear_ngrams(TRAIN, val, ["spanner"], seed=1).predicted.tolist() == [1]
    assert linear_ngrams(TRAIN, more, ["spanner"], seed=1).predicted.tolist() == [0]


def test_three_classes():
    birds = ["grey owl", "black crow", "white swan", "brown wren"]
    train = (TRAIN[0] + [f"{b} {b}" for b in birds], np.append(TRAIN[1], [2] * 4))
    val = (VAL[0] + birds, np.append(VAL[1], [2] * 4))
    outputs = linear_ngrams(train, val, ["plum", "saw", "owl", "swan crow"], seed=1)
    assert outputs.predicted.tolist() == [0, 1, 2, 2]
    assert outputs.probabilities.shape == (4, 3)
    np.testing.assert_allclose(outputs.probabilities.sum(axis=1), 1)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_task_names_both_and_gives_them_the_test_rows(tiny_spec, rows):
    part = {"text": TRAIN[0], "label": TRAIN[1]}
    val = {"text": VAL[0], "label": VAL[1]}
    test = {"text": ["apple", "saw", "plum"][:rows], "label": np.array([0, 1, 0])[:rows]}
    found = score.baselines(part, val, test, tiny_spec, seed=1)
    assert set(found) == {"baseline_majority", score.STRONG}
    for outputs in found.values():
        assert outputs.probabilities.shape == (rows, 2)
    assert found[score.STRONG].predicted.tolist() == [0, 1, 0][:rows]
    assert found["baseline_majority"].chosen == ""


@pytest.fixture
def tiny_spec():
    from pipelines.spec import DataSpec, Field

    words = Field((4,), "int32", "token id", 9)
    return DataSpec({"words": words}, "label", 2, "text", labels=("fruit", "tool"))


def test_the_candidates_have_names_of_their_own():
    names = [name for name, _ in baselines._candidates(1)]
    kinds = 2 + len(baselines.INTERPOLATIONS)
    assert len(set(names)) == len(names) == kinds * len(baselines.PENALTIES)
