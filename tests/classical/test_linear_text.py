"""Linear classifiers on the n-grams of texts, on rows few enough to see through."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

import models
from pipelines.classical import text_candidates, text_selection
from pipelines.classical.ngram_features import Ngrams, lower
from pipelines.config.errors import UserError
from pipelines.evaluation import strong_baselines
from pipelines.evaluation.classifier import Outputs, majority
from pipelines.spec import DataSpec, Field, Target
from pipelines.tasks.text_classification import baselines

FRUIT = ["red apple", "green pear", "ripe plum", "sweet cherry"]
TOOLS = ["steel hammer", "long saw", "sharp chisel", "small drill"]
TRAIN = (
    [f"{a} {b}" for a, b in zip(FRUIT + TOOLS, FRUIT[1:] + FRUIT[:1] + TOOLS[1:] + TOOLS[:1],
                                strict=True)],
    np.array([0] * 4 + [1] * 4),
)  # fmt: skip
VAL = (FRUIT + TOOLS, np.array([0] * 4 + [1] * 4))


def spec(*labels: str) -> DataSpec:
    inputs = {"words": Field.token_ids(4, 9)}
    target = Target.class_id("label", len(labels))
    return DataSpec(inputs, target, len(labels), ("text",), labels=labels)


SPEC = spec("fruit", "tool")


def fitted(train, val, seed=1, of=SPEC, **build):
    """The estimator of `linear_text`, fitted to (texts, targets)."""
    estimator = models.build(of, "classical/linear_text", "linear_text", **build)
    train, val = ({"text": texts, "label": targets} for texts, targets in (train, val))
    estimator.fit(train, val, seed)
    return estimator


def linear_ngrams(train, val, texts, seed=1, of=SPEC) -> dict[str, Outputs]:
    """Component -> its outputs on the texts; "best" is the estimator itself."""
    estimator, columns = fitted(train, val, seed, of), {"text": texts}
    parts = strong_baselines.outputs_of(estimator, columns, of, Outputs)
    outputs = {name.removeprefix("baseline_"): part for name, part in parts}
    return outputs | {"best": strong_baselines.predict(estimator, columns, of, Outputs)}


def test_classifiers_on_two_classes_that_share_no_word():
    texts = ["apple and plum", "saw and hammer", "cherry pear", "drill"]
    for outputs in linear_ngrams(TRAIN, VAL, texts).values():
        assert outputs.predicted.tolist() == [0, 1, 0, 1]
        assert outputs.predicted.dtype == np.int32
        assert outputs.probabilities.shape == (4, 2)
        np.testing.assert_allclose(outputs.probabilities.sum(axis=1), 1, rtol=1e-6)
        assert (outputs.probabilities.argmax(axis=1) == outputs.predicted).all()


def test_classifiers_are_the_same_each_time():
    texts = ["apple and plum", "saw and hammer", "a red saw"]
    one, other = (linear_ngrams(TRAIN, VAL, texts, seed=4) for _ in range(2))
    assert list(one) == ["tfidf_svm", "nb_svm", "union_svm", "best"]
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
    by_component = linear_ngrams(train, val, ["old grape", "OLD GRAPE"])
    outputs = by_component["tfidf_svm"]
    assert outputs.selection.startswith("characters 1-5, C=")
    best = by_component["best"]
    assert best.selection == f"tfidf_svm: {outputs.selection}"
    np.testing.assert_array_equal(best.probabilities, outputs.probabilities)
    assert outputs.predicted.tolist() == [0, 1]


def test_where_letter_case_misleads_words_are_chosen(monkeypatch):
    """In train fruit is written small and tools large; in val the other way round."""
    train = ([t.upper() if y else t for t, y in zip(*TRAIN, strict=True)], TRAIN[1])
    val = ([t if y else t.upper() for t, y in zip(*VAL, strict=True)], VAL[1])
    monkeypatch.setattr(text_selection, "FEW_ROWS", 0)  # so val alone chooses
    outputs = linear_ngrams(train, val, ["APPLE plum", "saw DRILL"])["tfidf_svm"]
    assert outputs.selection.startswith("words 1-2, C=")
    assert outputs.predicted.tolist() == [0, 1]


def test_the_chosen_machine_has_also_learned_from_val():
    """ "spanner" stands in val alone, beside words that train knows from both classes."""
    val = ([*VAL[0], "spanner", "spanner"], np.append(VAL[1], [1, 1]))
    more = ([*VAL[0], "spanner", "spanner"], np.append(VAL[1], [0, 0]))
    for name in ("tfidf_svm", "nb_svm", "union_svm"):
        for texts, label in ((val, 1), (more, 0)):
            outputs = linear_ngrams(TRAIN, texts, ["spanner"])[name]
            assert outputs.predicted.tolist() == [label]


def test_three_classes():
    birds = ["grey owl", "black crow", "white swan", "brown wren"]
    train = (TRAIN[0] + [f"{b} {b}" for b in birds], np.append(TRAIN[1], [2] * 4))
    val = (VAL[0] + birds, np.append(VAL[1], [2] * 4))
    texts = ["plum", "saw", "owl", "swan crow"]
    for outputs in linear_ngrams(train, val, texts, of=spec("fruit", "tool", "bird")).values():
        assert outputs.predicted.tolist() == [0, 1, 2, 2]
        assert outputs.probabilities.shape == (4, 3)
        np.testing.assert_allclose(outputs.probabilities.sum(axis=1), 1, rtol=1e-6)


def distinct(count: int) -> list[str]:
    """Texts that share no word."""
    return [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(count)]


def test_near_duplicates_are_judged_by_a_machine_that_has_seen_none_of_them():
    texts = [f"{text} for {n} pounds" for text in distinct(20) for n in range(3)]
    targets = np.array([0, 1] * 10).repeat(3)
    divisions = text_selection.validation_folds(texts, targets, train_rows=40, seed=1)
    assert len(divisions) == text_selection.FOLDS
    for fitted, judged in divisions:
        assert not set(fitted // 3) & set(judged // 3)
    copies = ["one and the same text"] * 20
    ((fitted, judged),) = text_selection.validation_folds(
        copies, np.array([0, 1] * 10), train_rows=15, seed=1
    )
    assert (len(fitted), len(judged)) == (15, 5)  # nothing to divide: val


def test_of_few_rows_each_is_judged_once_by_a_machine_that_has_not_seen_it():
    targets = np.array([0, 1] * 20 + [1] * 7)
    divisions = text_selection.validation_folds(distinct(47), targets, train_rows=30, seed=1)
    assert len(divisions) == text_selection.FOLDS
    assert sorted(np.concatenate([judged for _, judged in divisions])) == list(range(47))
    for fitted, judged in divisions:
        assert sorted([*fitted, *judged]) == list(range(47))
        assert set(targets[judged]) == {0, 1}


def test_of_many_rows_and_of_a_class_too_rare_to_divide_val_is_judged(monkeypatch):
    ((fitted, judged),) = text_selection.validation_folds(
        distinct(10), np.array([0] * 9 + [1]), train_rows=6, seed=1
    )
    assert (fitted.tolist(), judged.tolist()) == ([*range(6)], [6, 7, 8, 9])
    monkeypatch.setattr(text_selection, "FEW_ROWS", 9)
    ((fitted, judged),) = text_selection.validation_folds(
        distinct(10), np.array([0, 1] * 5), train_rows=6, seed=1
    )
    assert (fitted.tolist(), judged.tolist()) == ([*range(6)], [6, 7, 8, 9])


@pytest.mark.parametrize("rows", [1, 3])
def test_the_task_names_all_and_gives_them_the_test_rows(rows):
    train, val = ({"text": texts, "label": targets} for texts, targets in (TRAIN, VAL))
    test = {"text": ["apple", "saw", "plum"][:rows], "label": np.array([0, 1, 0])[:rows]}
    strong = fitted(TRAIN, VAL)
    by_name = dict(baselines.fit_predict(train, val, test, SPEC, seed=1, strong=strong))
    assert list(by_name) == [
        *("baseline_majority", "baseline_tfidf_svm", "baseline_nb_svm", "baseline_union_svm"),
        "baseline_best",
    ]
    for outputs in by_name.values():
        assert outputs.probabilities.shape == (rows, 2)
    assert by_name["baseline_best"].predicted.tolist() == [0, 1, 0][:rows]
    assert by_name["baseline_majority"].selection == ""


def test_majority_by_hand():
    outputs = majority(np.array([2, 0, 2, 1, 2, 0]), rows=3, classes=4)
    np.testing.assert_allclose(outputs.probabilities, [[2 / 6, 1 / 6, 3 / 6, 0]] * 3)
    assert outputs.predicted.tolist() == [2, 2, 2]
    assert outputs.predicted.dtype == np.int32


def test_words_and_characters_together_are_a_feature_union_of_scikit_learn():
    """The same features, weights and margins as its own pipeline."""
    estimator = fitted(TRAIN, VAL, family="tfidf_svm", ngrams="words_and_characters")
    penalty = float(estimator.selection.settings.split("C=")[1].split(",")[0])
    peer = make_pipeline(
        make_union(
            TfidfVectorizer(token_pattern=r"\w+|[^\w\s]", ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(
                analyzer="char", ngram_range=(1, 5), sublinear_tf=True, lowercase=False
            ),
        ),
        LinearSVC(C=penalty, random_state=1),
    ).fit(TRAIN[0] + VAL[0], np.concatenate([TRAIN[1], VAL[1]]))
    texts = ["apple and Plum", "saw  and hammer!", "", "red"]
    margins = estimator.model.margins(texts)[:, 0]
    np.testing.assert_allclose(margins, peer.decision_function(texts), rtol=1e-12)


@pytest.mark.parametrize(
    ("build", "components"),
    [
        ({}, ["tfidf_svm", "nb_svm", "union_svm"]),
        ({"family": "tfidf_svm"}, ["tfidf_svm", "union_svm"]),
        ({"family": "nb_svm", "ngrams": "words"}, ["nb_svm"]),
        ({"ngrams": "characters"}, ["tfidf_svm", "nb_svm"]),
        ({"ngrams": "words_and_characters"}, ["union_svm"]),
    ],
)
def test_the_arguments_say_which_are_fitted(build, components):
    estimator = fitted(TRAIN, VAL, **build)
    assert list(estimator.components) == components
    units = build.get("ngrams", "any")
    for model in estimator.components.values():
        counted = "_and_".join(block.ngrams.unit for block in model.blocks)
        assert units in ("any", counted)
    assert estimator.parameters == estimator.model.parameters > 0


def test_naive_bayes_on_words_and_characters_is_refused():
    with pytest.raises(UserError) as error:
        fitted(TRAIN, VAL, family="nb_svm", ngrams="words_and_characters")
    assert (error.value.code, error.value.key) == ("ngrams-unknown", "build.ngrams")


def test_characters_of_a_large_corpus_are_counted_only_where_asked_for(monkeypatch):
    monkeypatch.setattr(text_candidates, "MANY_CHARACTERS", 10)
    units = {
        block.ngrams.unit
        for model in fitted(TRAIN, VAL).components.values()
        for block in model.blocks
    }
    assert units == {"words"}
    assert list(fitted(TRAIN, VAL, ngrams="characters").components) == ["tfidf_svm", "nb_svm"]


def test_what_is_saved_predicts_the_same(tmp_path):
    texts = ["apple", "a saw, a hammer", "", "PLUM\u0130"]
    for number, labels in enumerate((("fruit", "tool"), ("fruit", "tool", "bird"))):
        of, extra = spec(*labels), len(labels) - 2
        birds = np.full(2 * extra, 2)
        train = TRAIN[0] + ["grey owl", "white owl"] * extra, np.concatenate([TRAIN[1], birds])
        estimator = fitted(train, VAL, of=of)
        folder = tmp_path / str(number)
        folder.mkdir()
        estimator.save(folder)
        again = models.build(of, "classical/linear_text", "linear_text")
        again.restore(folder)
        assert list(again.components) == list(estimator.components)
        for name, component in estimator.components.items():
            expected, answers = (
                part.predict({"text": texts}) for part in (component, again.components[name])
            )
            for column, values in expected.items():
                np.testing.assert_array_equal(answers[column], values)
        assert again.selection == estimator.selection
        assert again.parameters == estimator.parameters
        assert again.decision == estimator.decision


def test_a_class_without_a_row_in_train_is_never_predicted_and_breaks_nothing():
    of = spec("fruit", "tool", "bird", "fish")
    val = (VAL[0] + ["grey owl"], np.append(VAL[1], 2))  # birds in val alone, fish nowhere
    for outputs in linear_ngrams(TRAIN, val, ["apple", "saw", "owl"], of=of).values():
        assert outputs.probabilities.shape == (3, 4)
        assert outputs.predicted.tolist()[:2] == [0, 1]
        assert 3 not in outputs.predicted
        assert np.isfinite(outputs.probabilities).all()


@pytest.mark.parametrize("positive", ["fruit", "tool"])
def test_the_threshold_of_the_figures_is_the_margins_boundary(positive):
    estimator = fitted(TRAIN, VAL, of=replace(SPEC, positive=positive))
    texts = TRAIN[0] + VAL[0] + ["an apple with a saw", "a hammer, a plum"]
    answers = estimator.predict({"text": texts})
    rule = estimator.decision
    np.testing.assert_array_equal(rule(answers["probabilities"]), answers["predicted"])
    margins = estimator.model.margins(texts)
    logits = np.hstack([np.zeros_like(margins), margins])
    np.testing.assert_allclose(rule.probabilities(logits), answers["probabilities"], rtol=1e-6)


def test_classifiers_that_share_an_svm_are_those_fitted_alone():
    (candidate,) = [
        c for c in text_candidates.candidates(1) if (c.family, c.name) == ("nb_svm", "words 1-2")
    ]
    features = candidate.ngrams[0].vectorizer().fit_transform(TRAIN[0])
    together = text_selection.fit_all(candidate.classifiers, features, TRAIN[1])
    shares = len(text_candidates.INTERPOLATIONS)
    assert len(together) == shares * len(text_candidates.PENALTIES["nb_svm"])
    for name, classifier in candidate.classifiers.items():
        alone = classifier.fit(features, TRAIN[1])
        assert together[name].get_params() == alone.get_params()
        np.testing.assert_array_equal(together[name].coef_, alone.coef_)


def test_letters_are_lower_cased_one_by_one():
    assert lower("\u039f\u0394\u039f\u03a3 \u03a3") == "\u03bf\u03b4\u03bf\u03c3 \u03c3"
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    assert lower(text) == "".join(character.lower() for character in text)


def test_ngrams_are_named_by_what_they_count():
    assert Ngrams("words", 2, lowercase=True, weighting="tfidf").name == "words 1-2"


def test_of_many_classes_the_costly_candidates_are_left_out_and_it_is_said(monkeypatch, capsys):
    birds = ["grey owl", "black crow", "white swan", "brown wren"]
    train = (TRAIN[0] + [f"{b} {b}" for b in birds], np.append(TRAIN[1], [2] * 4))
    val = (VAL[0] + birds, np.append(VAL[1], [2] * 4))
    of = spec("fruit", "tool", "bird")
    monkeypatch.setattr(text_candidates, "MANY_CLASSES", 3)
    estimator = fitted(train, val, of=of)
    assert set(estimator.components) == {"tfidf_svm", "union_svm"}
    assert capsys.readouterr().out.startswith("linear_text: 3 classes;")
    assert set(fitted(train, val, of=of, family="nb_svm").components) == {"nb_svm"}
    monkeypatch.setattr(text_candidates, "CHARACTERS_AND_CLASSES", 100)
    estimator = fitted(train, val, of=of)
    assert list(estimator.components) == ["tfidf_svm"]
    assert "words" in estimator.selection.settings
    outputs = linear_ngrams(train, val, ["plum", "saw", "owl"], of=of)["best"]
    assert outputs.predicted.tolist() == [0, 1, 2]


def test_how_many_candidates_there_are_is_printed_before_the_first(capsys, monkeypatch):
    fit_all = text_selection.fit_all

    def check(*arguments):
        assert "sets of candidates" in capsys.readouterr().out
        monkeypatch.setattr(text_selection, "fit_all", fit_all)
        return fit_all(*arguments)

    monkeypatch.setattr(text_selection, "fit_all", check)
    fitted(TRAIN, VAL, family="tfidf_svm")
