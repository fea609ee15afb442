"""CIDEr-D by hand, the consensus of captions, and the nearest images' captions in the graph."""

import math

import numpy as np
import pytest

from models.classical.caption_neighbours import CaptionMemory, caption_neighbours
from pipelines.classical import caption_ngrams, nearest_neighbours
from pipelines.preprocessing import image_decoding
from pipelines.preprocessing.image_decoding import Reader
from pipelines.storage.repeated import Repeated
from pipelines.tasks.captioning.example import example_spec
from pipelines.tasks.captioning.serve import estimator_endpoints
from tests.support.user_errors import user_error

SAID = ["a red cat", "a cat that is red", "a blue dog", "the blue dog", "a red bird"]
OF_IMAGE = np.array([0, 0, 1, 1, 2])


def test_cider_d_by_hand():
    """Words alone: of three images all have "a", one has "cat", two have "red"."""
    references = [["a cat"], ["a red dog"], ["a red bird"]]
    cat, red = math.log(3), math.log(1.5)
    # Of "a cat" the candidate has both words, and one of its own; of "a cat" the pair as well.
    words = cat * cat / (math.hypot(cat, red) * cat)
    pairs = math.log(3) ** 2 / (math.hypot(math.log(3), math.log(3)) * math.log(3))
    expected = 10 * (words + pairs) / 4 * math.exp(-1 / 72)
    given = caption_ngrams.cider_d(["a cat red", "", "x"], references)
    assert given == pytest.approx([expected, 0, 0])


def test_cider_d_counts_a_word_as_often_as_the_reference_at_most():
    references = [["red cat"], ["blue dog"]]
    once, often = (caption_ngrams.cider_d([text, "x"], references)[0]
                   for text in ("red cat", "red red red cat"))  # fmt: skip
    assert 0 < often < once == pytest.approx(10 / 2)


def test_a_perfect_caption_of_four_words_has_ten():
    captions = [["a small red cat"], ["one large blue dog"]]
    assert caption_ngrams.cider_d([c[0] for c in captions], captions) == pytest.approx([10, 10])


def test_vectors_multiply_to_the_mean_cosine():
    vectors = caption_ngrams.vectors(SAID, OF_IMAGE)
    products = (vectors @ vectors.T).toarray()
    assert products.max() <= 1 + 1e-9
    # "a" is of all images; "red" and "a red" of two of three, and one word and pair of one alone.
    cosine = math.log(1.5) ** 2 / (math.log(1.5) ** 2 + math.log(3) ** 2)
    assert products[0, 4] == pytest.approx(2 * cosine / 4)


def test_the_consensus_is_the_caption_that_agrees_most():
    memory = CaptionMemory.of(SAID, np.array([0, 2, 4, 5]))
    assert memory.consensus(np.array([1]))[0] in SAID[2:4]
    rows = [0, 1, 4]
    vectors = memory.vectors[rows].toarray()
    agreement = (vectors @ vectors.T).mean(axis=1)
    caption, most = memory.consensus(np.array([0, 2]))
    assert caption == SAID[rows[agreement.argmax()]]
    assert most == pytest.approx(agreement.max(), abs=1e-6)


def test_neighbours_are_ranked_and_the_first_of_equals_comes_first():
    known = np.array([[0.0], [1.0], [0.0], [3.0]])
    ranked = nearest_neighbours.ranked(known, np.array([[0.1], [2.9]]), 3)
    np.testing.assert_array_equal(ranked, [[0, 2, 1], [3, 1, 0]])


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(1)
    colours = rng.integers(0, 2, 40)
    images = np.zeros((40, 8, 8, 3), np.uint8) + rng.integers(0, 30, (40, 8, 8, 3), np.uint8)
    images[np.arange(40), :, :, colours] = 200
    words = np.array(["a red square", "a green square"])[colours]
    said = [text for word in words for text in (word, f"there is {word}")]
    columns = {"image": Repeated(images, np.repeat(np.arange(40), 2)), "caption": said}
    estimator = caption_neighbours(example_spec(), neighbours=(3, 1))
    estimator.fit(columns, columns, seed=1)
    return estimator, images, words


def test_the_nearest_images_are_described(fitted, tmp_path):
    estimator, images, words = fitted
    given = estimator.predict({"image": images})
    assert all(word in caption for word, caption in zip(words, given["captions"], strict=True))
    assert given["copied"].all() and estimator.selection.metric == "val/cider_d"
    estimator.save(tmp_path)
    again = caption_neighbours(example_spec())
    again.restore(tmp_path)
    assert again.predict({"image": images})["captions"] == given["captions"]


def test_the_graph_says_the_same(fitted, tmp_path):
    estimator, images, _ = fitted
    Reader(8, 8, 3).save(tmp_path / "image.json")
    _, signatures = estimator_endpoints(estimator, example_spec(), tmp_path)
    answer = signatures["serving_default"]([image_decoding.png(image) for image in images[:9]])
    given = estimator.predict({"image": images[:9]})
    assert [text.decode() for text in answer["caption"].numpy()] == given["captions"]
    np.testing.assert_allclose(answer["score"], given["scores"], atol=1e-6)


def test_numbers_of_neighbours_are_checked():
    with user_error("neighbours-invalid", key="build.neighbours"):
        caption_neighbours(example_spec(), neighbours=(0, 5))
