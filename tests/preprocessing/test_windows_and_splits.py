"""Padding, sizes of splits, stratified shares, whole groups, folds."""

import numpy as np
import pytest

from pipelines.preparation import splits
from pipelines.preprocessing import windows
from tests.support.user_errors import user_error


def case(seed: int, count: int = 400, classes: int = 3, largest: int = 1):
    """(labels, groups) with unequal classes; a group has up to `largest` rows of one label."""
    rng = np.random.default_rng(seed)
    labels, groups = [], []
    while len(labels) < count:
        size = int(rng.integers(1, largest + 1))
        label = int(
            rng.choice(classes, p=np.arange(1, classes + 1) / (classes * (classes + 1) / 2))
        )
        groups += [len(set(groups)) * 7 + 3] * size
        labels += [label] * size
    order = rng.permutation(len(labels))
    return np.array(labels)[order], np.array(groups)[order]


def test_pad_cuts_and_fills_at_the_end():
    padded = windows.pad([[5, 6], [], [1, 2, 3, 4], [7, 8, 9]], 3)
    assert padded.tolist() == [[5, 6, 0], [0, 0, 0], [1, 2, 3], [7, 8, 9]]
    assert padded.dtype == np.int32
    assert windows.pad([], 4).shape == (0, 4)


def test_split_size_is_a_fraction_below_one_and_a_number_from_one_on():
    assert splits.split_size(0.15, 100, "val") == 15
    assert splits.split_size(1, 100, "val") == 1
    assert splits.split_size(99, 100, "val") == 99


@pytest.mark.parametrize(("asked", "rows"), [(100, 100), (101, 100), (0.999, 100), (0.1, 4)])
def test_split_size_leaves_rows_on_both_sides(asked, rows):
    with user_error("split-size", key="split.val", value=asked):
        splits.split_size(asked, rows, "split.val")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [1, 37, 80, 200, 399])
def test_stratified_group_split_gives_each_label_its_share_rounded(seed, size):
    labels, groups = case(seed)
    rest, taken = splits.stratified_group_split(
        np.arange(400), labels, groups, size, np.random.default_rng(seed)
    )
    for label in range(3):
        share = size * np.mean(labels == label)
        assert np.sum(labels[taken] == label) == round(share)
    assert sorted([*rest, *taken]) == list(range(400))
    assert (np.diff(rest) > 0).all() and (np.diff(taken) > 0).all()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [20, 80, 200])
def test_stratified_group_split_never_divides_a_group(seed, size):
    labels, groups = case(seed, largest=6)
    rows = np.arange(len(labels))
    rest, taken = splits.stratified_group_split(
        rows, labels, groups, size, np.random.default_rng(seed)
    )
    assert not set(groups[rest]) & set(groups[taken])
    assert sorted([*rest, *taken]) == rows.tolist()
    for label in range(3):  # short of its share by less than one group
        short = round(size * np.mean(labels == label)) - np.sum(labels[taken] == label)
        assert 0 <= short < 6


def test_stratified_group_split_keeps_groups_of_several_labels_whole():
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 2, 300), rng.integers(0, 60, 300)
    rest, taken = splits.stratified_group_split(np.arange(300), labels, groups, 100, rng)
    assert not set(groups[rest]) & set(groups[taken])
    assert 85 <= len(taken) <= 115


def test_stratified_group_split_takes_only_from_the_rows_it_is_given():
    labels, groups = case(1, largest=4)
    rows = np.arange(0, len(labels), 3)
    rest, taken = splits.stratified_group_split(rows, labels, groups, 40, np.random.default_rng(2))
    assert sorted([*rest, *taken]) == rows.tolist()
    assert 30 <= len(taken) <= 40


def test_stratified_group_split_takes_all_when_all_are_asked_for():
    labels, groups = case(2, largest=4)
    rows = np.arange(len(labels))
    rest, taken = splits.stratified_group_split(
        rows, labels, groups, len(rows), np.random.default_rng(2)
    )
    assert (len(rest), len(taken)) == (0, len(rows))


def test_stratified_group_split_is_decided_by_the_seed_alone():
    labels, groups = case(3, largest=3)
    rows = np.arange(len(labels))
    taken = [
        splits.stratified_group_split(rows, labels, groups, 90, np.random.default_rng(s))[1]
        for s in (5, 5, 6)
    ]
    assert taken[0].tolist() == taken[1].tolist()
    assert taken[0].tolist() != taken[2].tolist()


def test_stratified_group_split_gives_every_row_the_same_chance():
    labels, groups = case(4, count=100)
    counts = np.zeros(100)
    for seed in range(400):
        counts[
            splits.stratified_group_split(
                np.arange(100), labels, groups, 30, np.random.default_rng(seed)
            )[1]
        ] += 1
    expected = [round(30 * np.mean(labels == label)) / np.sum(labels == label) for label in labels]
    assert np.abs(counts / 400 - expected).max() < 0.12


@pytest.mark.parametrize("folds", [2, 5, 10])
@pytest.mark.parametrize("seed", range(3))
def test_folds_are_stratified_and_of_one_size(folds, seed):
    labels, groups = case(seed, count=223)
    numbers = splits.assign_folds(labels, groups, folds, np.random.default_rng(seed))
    assert numbers.shape == (223,) and set(numbers) == set(range(folds))
    for own in [np.ones(223, bool), *(labels == label for label in range(3))]:
        sizes = np.bincount(numbers[own], minlength=folds)
        assert sizes.max() - sizes.min() <= 1


def test_many_small_classes_fill_every_fold():
    labels = np.repeat(np.arange(50), 3)
    numbers = splits.assign_folds(labels, np.arange(150), 10, np.random.default_rng(0))
    assert np.bincount(numbers).tolist() == [15] * 10


@pytest.mark.parametrize("seed", range(5))
def test_folds_keep_groups_whole(seed):
    labels, groups = case(seed, largest=6)
    numbers = splits.assign_folds(labels, groups, 5, np.random.default_rng(seed))
    for group in set(groups):
        assert len(set(numbers[groups == group])) == 1
    for label in range(3):  # groups, not rows, are dealt out evenly
        own = np.unique(groups[labels == label], return_index=True)[1]
        sizes = np.bincount(numbers[labels == label][own], minlength=5)
        assert sizes.max() - sizes.min() <= 1


def test_folds_are_decided_by_the_seed_alone():
    labels, groups = case(3, largest=3)
    drawn = [splits.assign_folds(labels, groups, 4, np.random.default_rng(s)) for s in (5, 5, 6)]
    assert drawn[0].tolist() == drawn[1].tolist()
    assert drawn[0].tolist() != drawn[2].tolist()
