"""Windows of text: sub-sampling, the same windows for a seed and an epoch, every token in one."""

import numpy as np
import pytest

from pipelines.training.text_windows import LENGTH, UNKNOWN, TextWindows, retention

RNG = np.random.default_rng(1)
DOCUMENTS = [RNG.zipf(1.3, 5000) % 50 + 2 for _ in range(6)]
DOCUMENTS[0][::7] = UNKNOWN
COUNTS = np.bincount(np.concatenate(DOCUMENTS), minlength=52)
EVERY_TOKEN = retention(COUNTS, None)


def windows(remaining=EVERY_TOKEN, documents=DOCUMENTS, **settings) -> TextWindows:
    return TextWindows("tokens", documents, 16, remaining, **settings)


def ids_of(fed: TextWindows) -> np.ndarray:
    return np.concatenate([fed[index][0]["tokens"] for index in range(len(fed))])


def test_the_share_that_remains_is_that_of_the_paper():
    known = COUNTS.copy()
    known[UNKNOWN] = 0
    frequency = known / known.sum()
    remaining = retention(COUNTS, 1e-2)
    word = int(COUNTS[2:].argmax()) + 2
    assert remaining[word] == pytest.approx(np.sqrt(1e-2 / frequency[word]), rel=1e-5)
    assert remaining[frequency < 1e-2][2:] == pytest.approx(1)
    assert remaining[UNKNOWN] == 0 and remaining[0] == 1


def test_sub_sampling_leaves_the_expected_counts():
    remaining = retention(COUNTS, 1e-2)
    fed, total = windows(remaining, seed=1), np.zeros(52)
    for _ in range(30):
        total += np.bincount(ids_of(fed).ravel(), minlength=52)
        fed.on_epoch_end()
    expected = 30 * COUNTS * remaining
    frequent = expected > 3000
    assert frequent.sum() > 3
    assert total[frequent] == pytest.approx(expected[frequent], rel=0.05)
    assert total[UNKNOWN] == 0


def test_every_token_is_in_a_window():
    documents = [np.arange(2, 52) for _ in range(100)]
    ids = ids_of(windows(retention(np.full(52, 100), None), documents))
    assert ids.shape == (round(5100 / LENGTH), LENGTH)
    assert (np.bincount(ids.ravel(), minlength=52)[2:] >= 98).all()
    assert ids.size - 5100 < LENGTH


def test_documents_begin_with_zero_and_windows_are_runs_of_text():
    documents = [np.array([2, 3, 4] * 40), np.array([5, 6] * 40)]
    for row in ids_of(windows(retention(np.ones(7), None), documents)):
        for before, after in zip(row, row[1:], strict=False):
            assert after == {0: after, 2: 3, 3: 4, 5: 6}.get(before, after)
            assert {before, after} & {0} or (before < 5) == (after < 5)


def test_other_windows_in_every_epoch_and_the_same_for_a_seed():
    remaining = retention(COUNTS, 1e-2)
    fed = windows(remaining, seed=1)
    first = ids_of(fed)
    fed.on_epoch_end()
    assert len(ids_of(fed)) == len(first) and (ids_of(fed) != first).any()
    np.testing.assert_array_equal(ids_of(fed), ids_of(windows(remaining, seed=1, epoch=1)))


def test_validation_has_the_same_windows_every_time():
    fed = windows(retention(COUNTS, 1e-2))
    first = ids_of(fed)
    fed.on_epoch_end()
    np.testing.assert_array_equal(ids_of(fed), first)


def test_a_text_shorter_than_a_window_is_padded():
    (row,) = ids_of(windows(documents=[np.array([2, 3])]))
    assert row.tolist() == [0, 2, 3] + [0] * (LENGTH - 3)
