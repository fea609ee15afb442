"""The classical methods on rows few enough to see through."""

import numpy as np
import pytest

from pipelines.evaluation.classifier import majority
from pipelines.tasks.text_classification import baselines
from pipelines.tasks.text_classification.baselines import linear_ngrams

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


def test_machines_on_two_classes_that_share_no_word():
    texts = ["apple and plum", "saw and hammer", "cherry pear", "drill"]
    for outputs in dict(linear_ngrams(TRAIN, VAL, texts, seed=1)).values():
        assert outputs.predicted.tolist() == [0, 1, 0, 1]
        assert outputs.predicted.dtype == np.int32
        assert outputs.probabilities.shape == (4, 2)
        np.testing.assert_allclose(outputs.probabilities.sum(axis=1), 1)
        assert (outputs.probabilities.argmax(axis=1) == outputs.predicted).all()


def test_machines_are_the_same_each_time():
    texts = ["apple and plum", "saw and hammer", "a red saw"]
    one, other = (dict(linear_ngrams(TRAIN, VAL, texts, seed=4)) for _ in range(2))
    assert list(one) == ["tfidf_svm", "nb_svm", "best"]
    for name in one:
        np.testing.assert_array_equal(one[name].probabilities, other[name].probabilities)
        np.testing.assert_array_equal(one[name].predicted, other[name].predicted)
        assert one[name].selection == other[name].selection


def test_where_only_letter_case_tells_characters_are_chosen():
    """Words are lower-cased, so they see the same text under both labels."""
    names = ["red apple", "green pear", "ripe plum", "sweet cherry", "long bean", "small fig"]
    texts, targets = names + [n.upper() for n in names], np.array([0] * 6 + [1] * 6)
    train = (texts[:4] + texts[6:10], np.concatenate([targets[:4], targets[6:10]]))
    val = (texts[4:6] + texts[10:], np.concatenate([targets[4:6], targets[10:]]))
    found = dict(linear_ngrams(train, val, ["old grape", "OLD GRAPE"], seed=1))
    outputs = found["tfidf_svm"]
    assert outputs.selection.startswith("characters 1-5, C=")
    assert found["best"].selection == "tfidf_svm"
    np.testing.assert_array_equal(found["best"].probabilities, outputs.probabilities)
    assert outputs.predicted.tolist() == [0, 1]


def test_where_letter_case_misleads_words_are_chosen(monkeypatch):
    """In train fruit is written small and tools large; in val the other way round."""
    train = ([t.upper() if y else t for t, y in zip(*TRAIN, strict=True)], TRAIN[1])
    val = ([t if y else t.upper() for t, y in zip(*VAL, strict=True)], VAL[1])
    monkeypatch.setattr(baselines, "FEW_ROWS", 0)  # so val alone chooses
    outputs = dict(linear_ngrams(train, val, ["APPLE plum", "saw DRILL"], seed=1))["tfidf_svm"]
    assert outputs.selection.startswith("words 1-2, C=")
    assert outputs.predicted.tolist() == [0, 1]


def test_the_chosen_machine_has_also_learned_from_val():
    """ "spanner" stands in val alone, beside words that train knows from both classes."""
    val = ([*VAL[0], "spanner", "spanner"], np.append(VAL[1], [1, 1]))
    more = ([*VAL[0], "spanner", "spanner"], np.append(VAL[1], [0, 0]))
    for name in ("tfidf_svm", "nb_svm"):
        for texts, label in ((val, 1), (more, 0)):
            outputs = dict(linear_ngrams(TRAIN, texts, ["spanner"], seed=1))[name]
            assert outputs.predicted.tolist() == [label]


def test_three_classes():
    birds = ["grey owl", "black crow", "white swan", "brown wren"]
    train = (TRAIN[0] + [f"{b} {b}" for b in birds], np.append(TRAIN[1], [2] * 4))
    val = (VAL[0] + birds, np.append(VAL[1], [2] * 4))
    texts = ["plum", "saw", "owl", "swan crow"]
    for _, outputs in linear_ngrams(train, val, texts, seed=1):
        assert outputs.predicted.tolist() == [0, 1, 2, 2]
        assert outputs.probabilities.shape == (4, 3)
        np.testing.assert_allclose(outputs.probabilities.sum(axis=1), 1)


def test_of_few_rows_each_is_judged_once_by_a_machine_that_has_not_seen_it():
    targets = np.array([0, 1] * 20 + [1] * 7)
    divisions = baselines.validation_folds(targets, train_rows=30, seed=1)
    assert len(divisions) == baselines.FOLDS
    assert sorted(np.concatenate([judged for _, judged in divisions])) == list(range(47))
    for fitted, judged in divisions:
        assert sorted([*fitted, *judged]) == list(range(47))
        assert set(targets[judged]) == {0, 1}


def test_of_many_rows_and_of_a_class_too_rare_to_divide_val_is_judged(monkeypatch):
    ((fitted, judged),) = baselines.validation_folds(np.array([0] * 9 + [1]), train_rows=6, seed=1)
    assert (fitted.tolist(), judged.tolist()) == ([*range(6)], [6, 7, 8, 9])
    monkeypatch.setattr(baselines, "FEW_ROWS", 9)
    ((fitted, judged),) = baselines.validation_folds(np.array([0, 1] * 5), train_rows=6, seed=1)
    assert (fitted.tolist(), judged.tolist()) == ([*range(6)], [6, 7, 8, 9])


@pytest.mark.parametrize("rows", [1, 3])
def test_the_task_names_all_and_gives_them_the_test_rows(tiny_spec, rows):
    part = {"text": TRAIN[0], "label": TRAIN[1]}
    val = {"text": VAL[0], "label": VAL[1]}
    test = {"text": ["apple", "saw", "plum"][:rows], "label": np.array([0, 1, 0])[:rows]}
    found = dict(baselines.fit_predict(part, val, test, tiny_spec, seed=1))
    assert list(found) == [
        *("baseline_majority", "baseline_tfidf_svm", "baseline_nb_svm", "baseline_best")
    ]
    for outputs in found.values():
        assert outputs.probabilities.shape == (rows, 2)
    assert found["baseline_best"].predicted.tolist() == [0, 1, 0][:rows]
    assert found["baseline_majority"].selection == ""


@pytest.fixture
def tiny_spec():
    from pipelines.spec import DataSpec, Field, Target

    words = Field.token_ids(4, 9)
    return DataSpec(
        {"words": words}, Target.class_id("label", 2), 2, ("text",), labels=("fruit", "tool")
    )


def test_the_candidates_have_names_of_their_own(monkeypatch):
    found = baselines.candidates(["a text"], seed=1)
    assert {family: list(kinds) for family, kinds in found.items()} == {
        "tfidf_svm": ["words 1-2", "characters 1-5"],
        "nb_svm": ["words 1-2", "words 1-3", "characters 1-7"],
    }
    for family, kinds in found.items():
        shares = len(baselines.INTERPOLATIONS) if family == "nb_svm" else 1
        for _, machines in kinds.values():
            assert len(machines) == shares * len(baselines.PENALTIES[family])
    monkeypatch.setattr(baselines, "MANY_CHARACTERS", 11)
    assert list(baselines.candidates(["a text", "texts"], seed=1)["tfidf_svm"]) == [
        *("words 1-2", "characters 1-5")
    ]
    assert list(baselines.candidates(["a text", "textss"], seed=1)["tfidf_svm"]) == ["words 1-2"]


def test_machines_that_share_what_is_learned_are_those_fitted_alone():
    counter, machines = baselines.candidates(TRAIN[0], seed=1)["nb_svm"]["words 1-2"]
    found = counter.fit_transform(TRAIN[0])
    together = baselines.fit_all(machines, found, TRAIN[1])
    assert list(together) == list(machines)
    for name, machine in machines.items():
        alone = machine.fit(found, TRAIN[1])
        assert together[name].get_params() == alone.get_params()
        np.testing.assert_array_equal(together[name].coef_, alone.coef_)
