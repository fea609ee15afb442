"""Translation without a network: tokens, a memory and its repair, and the estimator."""

import itertools
import re

import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from models.classical.translation_memory import METHODS, translation_memory
from pipelines.classical import translation_memory as methods
from pipelines.classical.translation_memory import SentenceMemory
from pipelines.classical.translation_tokens import join, split
from pipelines.tasks.translation.example import example_spec
from pipelines.tasks.translation.info import INFO

ADJECTIVES = {"red": "rouge", "blue": "bleu", "green": "vert", "old": "vieux", "new": "neuf"}
NOUNS = {"car": "voiture", "house": "maison", "dog": "chien", "tree": "arbre", "book": "livre"}


def pairs(rows: slice) -> dict[str, list[str]]:
    """The noun comes before the adjective in one language and after it in the other."""
    all_pairs = list(itertools.product(ADJECTIVES, NOUNS))[rows]
    return {
        "text": [f"the {adjective} {noun}." for adjective, noun in all_pairs],
        "reference": [f"le {NOUNS[noun]} {ADJECTIVES[a]}." for a, noun in all_pairs],
    }


TRAIN, VAL = pairs(slice(0, 25, 2)), pairs(slice(1, 25, 4))


def test_tokens_are_numbers_words_and_signs():
    assert split("l'été: 1.234,5 m²!") == ["l", "'", "été", ":", "1.234,5", "m²", "!"]
    assert split("") == split(" \u00a0\n") == []


@pytest.mark.parametrize(
    "text",
    ["l'été (12:30), peut-être!", "a-b-c [d] e; f?", "", "x", "(a)", "rock’n’roll"],
)  # fmt: skip
def test_joined_tokens_are_the_text(text):
    assert join(split(text)) == text


def test_the_nearest_sentence_and_its_similarity():
    memory = SentenceMemory(["a b c", "d e f", "a b c"], ["x", "y", "z"])
    rows, similarities = memory.nearest(["a b c", "e", "q", ""])
    assert rows.tolist() == [0, 1, 0, 0]  # of equals the first
    np.testing.assert_allclose(similarities[[0, 2, 3]], [1, 0, 0], atol=1e-9)
    assert 0 < similarities[1] < 1


def test_a_repair_replaces_the_words_that_differ():
    dictionary = {"red": "rouge", "blue": "bleu", "car": "voiture"}
    repaired = methods.repaired(
        dictionary, ["the", "blue", "car"], ["the", "red", "car"], ["la", "voiture", "rouge"]
    )
    assert repaired == "la voiture bleu"


def test_where_nothing_is_similar_words_are_translated():
    memory, dictionary = SentenceMemory(["a b"], ["x y"]), {"q": "p"}
    for repair in (False, True):
        answer = methods.by_sentence(memory, dictionary, ["q z", ""], repair)
        assert answer.translations == ["p z", ""]
        assert answer.scores.tolist() == [0, 0]


@pytest.mark.parametrize("asked", ["best", *METHODS])
def test_the_best_on_val_is_the_one_by_bleu(asked, tmp_path):
    spec = example_spec()
    estimator = translation_memory(spec, method=asked)
    estimator.fit(TRAIN, VAL, seed=1)
    assert estimator.method == ("repaired_memory" if asked == "best" else asked)
    assert estimator.selection.metric == f"val/{INFO.primary_metric}"
    alone = translation_memory(spec, method=estimator.method)
    alone._learn(TRAIN["text"], TRAIN["reference"])  # val is translated from train alone
    translations = alone.translate(VAL["text"], estimator.method).translations
    bleu = BLEU(force=True).corpus_score(translations, [VAL["reference"]]).score
    assert estimator.selection.value == pytest.approx(bleu)
    estimator.save(tmp_path)
    restored = translation_memory(spec, method=asked)
    restored.restore(tmp_path)
    assert restored.selection == estimator.selection
    assert restored.parameters == estimator.parameters > 0
    test = {"text": ["the new tree.", "a red dog", "", "Ωμ 12,5"]}
    assert restored.predict(test)["translations"] == estimator.predict(test)["translations"]
    np.testing.assert_array_equal(
        restored.predict(test)["scores"], estimator.predict(test)["scores"]
    )


def test_it_has_learned_from_val_as_well():
    val = {"text": ["the huge cat."], "reference": ["le chat enorme."]}
    estimator = translation_memory(example_spec(), method="memory")
    estimator.fit(TRAIN, val, seed=1)
    assert estimator.predict({"text": ["the huge cat."]})["translations"] == ["le chat enorme."]


def test_nothing_is_left_of_a_tokenizer_that_differs_from_re():
    """What is not a space belongs to one token, in order."""
    text = "".join(map(chr, range(0x20, 0x3000)))
    assert "".join(split(text)) == re.sub(r"\s", "", text)
