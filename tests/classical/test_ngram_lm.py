"""n-gram language models: the course's counts, published perplexity, sums, samples."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipelines.classical import ngram_lm
from pipelines.classical.ngram_lm.model import perplexity
from pipelines.classical.ngram_lm.smoothing import FALLBACK, discounts_of

PTB = Path(os.environ.get("DATASETS_MIRROR", "../shared/datasets")) / "ptb/ptb_mikolov.zip"
COWS = ["cows eat grass"] * 2 + ["cows eat hay"] * 2 + ["cows eat corn"] * 3
END = "[END]"


def ids_of(sentences: list[str]) -> tuple[dict[str, int], list[np.ndarray]]:
    """(token -> id, ids of each sentence with END behind it)."""
    tokens = [[*sentence.split(), END] for sentence in sentences]
    vocabulary = {
        token: number for number, token in enumerate(sorted({t for s in tokens for t in s}))
    }
    return vocabulary, [np.array([vocabulary[token] for token in s]) for s in tokens]


@pytest.fixture(scope="module")
def random_documents() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.geometric(0.2, rng.integers(1, 30)) % 12 for _ in range(40)]


def test_relative_frequencies_of_what_cows_eat():
    """The course's example: 2 grass, 2 hay and 3 corn after "cows eat"."""
    vocabulary, documents = ids_of(COWS)
    model = ngram_lm.fit("relative_frequency", documents, 3, len(vocabulary))
    after = model.distribution([vocabulary["cows"], vocabulary["eat"]])
    expected = {"grass": 2 / 7, "hay": 2 / 7, "corn": 3 / 7}
    assert {word: after[number] for word, number in vocabulary.items() if after[number]} == expected


def test_a_sentence_is_the_product_of_its_bigrams():
    """p(the owl made noise END), with a START before the first word."""
    vocabulary, documents = ids_of(["the owl made noise", "the bat made noise", "the owl slept"])
    model = ngram_lm.fit("relative_frequency", documents, 2, len(vocabulary))
    (probabilities,) = model.probabilities(documents[:1])
    assert probabilities.tolist() == [1, 2 / 3, 1 / 2, 1, 1]


@pytest.mark.parametrize(("order", "noise"), [(2, 2 / 3), (3, 1)])
def test_the_owl_made_noise_at_night(order, noise):
    """A trigram sees that the owl made it, a bigram only that it was made: hay is made as well."""
    texts = ["the owl made noise at night", "the bat made noise at night", "they made hay"]
    vocabulary, documents = ids_of(texts)
    model = ngram_lm.fit("relative_frequency", documents, order, len(vocabulary))
    (probabilities,) = model.probabilities(documents[:1])
    assert probabilities.tolist() == pytest.approx([2 / 3, 1 / 2, 1, noise, 1, 1, 1])


def test_add_one_after_known_and_unknown_contexts():
    vocabulary, documents = ids_of(COWS)
    size = len(vocabulary)
    model = ngram_lm.fit("add_one", documents, 3, size)
    after = model.distribution([vocabulary["cows"], vocabulary["eat"]])
    assert after[vocabulary["corn"]] == pytest.approx((3 + 1) / (7 + size))
    assert after[vocabulary["cows"]] == pytest.approx(1 / (7 + size))
    unknown = model.distribution([vocabulary["hay"], vocabulary["cows"]])
    assert unknown == pytest.approx(np.full(size, 1 / size))


def test_stupid_backoff_scores_before_they_are_divided():
    """After "cows", which begins every sentence, "eat" has 1; "hay" has .4 of its frequency."""
    vocabulary, documents = ids_of(COWS)
    model = ngram_lm.fit("stupid_backoff", documents, 2, len(vocabulary))
    after = model.distribution([vocabulary["cows"]])
    frequency = 2 / sum(map(len, documents))
    assert after[vocabulary["hay"]] / after[vocabulary["eat"]] == pytest.approx(0.4 * frequency)


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("method", ngram_lm.METHODS)
def test_probabilities_are_those_of_the_distribution_and_sum_to_one(
    method, order, random_documents
):
    model = ngram_lm.fit(method, random_documents, order, 12)
    documents = random_documents[:3] if method == "relative_frequency" else [
        np.array([3, 11, 0, 0, 7, 1, 1]), np.array([5])
    ]  # fmt: skip
    for document, probabilities in zip(documents, model.probabilities(documents), strict=True):
        for position, token in enumerate(document):
            distribution = model.distribution(document[:position])
            assert distribution.sum() == pytest.approx(1)
            assert distribution[token] == pytest.approx(probabilities[position], abs=1e-15)


def test_documents_do_not_influence_one_another(random_documents):
    model = ngram_lm.fit("kneser_ney", random_documents, 3, 12)
    together = model.probabilities(random_documents)
    alone = [model.probabilities([document])[0] for document in random_documents]
    for first, second in zip(together, alone, strict=True):
        assert np.array_equal(first, second)


def test_a_later_token_changes_no_earlier_probability(random_documents):
    model = ngram_lm.fit("kneser_ney", random_documents, 3, 12)
    document = random_documents[0]
    changed = document.copy()
    changed[-1] = (changed[-1] + 1) % 12
    before, after = (model.probabilities([ids])[0][:-1] for ids in (document, changed))
    assert np.array_equal(before, after)


def test_discounts_are_those_of_chen_and_goodman():
    counts = np.repeat([1, 2, 3, 4], [10, 4, 2, 1])
    share = 10 / 18
    expected = (1 - 2 * share * 0.4, 2 - 3 * share * 0.5, 3 - 4 * share * 0.5)
    assert discounts_of(counts) == pytest.approx(expected)
    assert discounts_of(np.array([1, 1, 2])) == FALLBACK


def test_saved_arrays_give_the_same_model(random_documents):
    model = ngram_lm.fit("kneser_ney", random_documents, 3, 12)
    loaded = ngram_lm.NgramModel.load(model.arrays(), 12)
    pairs = zip(
        model.probabilities(random_documents), loaded.probabilities(random_documents), strict=True
    )
    assert all(np.array_equal(first, second) for first, second in pairs)


def test_samples_follow_the_distribution():
    vocabulary, documents = ids_of(COWS)
    model = ngram_lm.fit("relative_frequency", documents, 3, len(vocabulary))
    rng = np.random.default_rng(1)
    samples = [model.sample(rng, end=vocabulary[END], most=9) for _ in range(1400)]
    assert all(sample[-1] == vocabulary[END] and len(sample) == 4 for sample in samples)
    corn = sum(vocabulary["corn"] in sample for sample in samples)
    assert abs(corn - 600) < 4 * np.sqrt(1400 * 3 / 7 * 4 / 7)


@pytest.mark.skipif(not PTB.is_file(), reason="needs the mirror of the public data sets")
def test_kneser_ney_on_the_penn_treebank_is_the_published_number():
    """141.2 at order 5: the table of Grave et al., 2016, https://arxiv.org/abs/1611.01462."""
    with zipfile.ZipFile(PTB) as archive:
        train, test = (
            [[*line.split(), END] for line in archive.read(f"ptb.{name}.txt").decode().splitlines()]
            for name in ("train", "test")
        )
    vocabulary = {token: number for number, token in enumerate({t for line in train for t in line})}
    train, test = (
        [np.array([vocabulary[token] for token in line]) for line in lines]
        for lines in (train, test)
    )
    model = ngram_lm.fit("kneser_ney", train, 5, len(vocabulary))
    probabilities = model.probabilities(test)
    assert sum(map(len, probabilities)) == 82_430
    assert perplexity(probabilities) == pytest.approx(141.19, abs=0.01)
