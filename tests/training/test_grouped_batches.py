"""Batches of rows that share an input: every row once an epoch, each group's input once a batch."""

import numpy as np

from pipelines.storage.repeated import Repeated
from pipelines.training.grouped_batches import GroupedBatches

INDEX = np.array([0, 0, 1, 2, 2, 3, 3, 3, 4])  # groups of 2, 1, 2, 3 and 1 rows
VALUES = 10 * np.arange(5)


def batches(batch_size: int = 4, seed: int | None = 1, epoch: int = 0) -> GroupedBatches:
    inputs = {"image": Repeated(VALUES, INDEX), "words": np.arange(9)}
    return GroupedBatches(inputs, 100 + np.arange(9), batch_size, seed, epoch)


def test_an_epoch_has_every_row_once_with_its_own_input():
    seen = []
    for inputs, targets in (batches()[number] for number in range(len(batches()))):
        times = len(inputs["words"]) // len(inputs["image"])
        assert times * len(inputs["image"]) == len(inputs["words"]) == len(targets)
        np.testing.assert_array_equal(targets, 100 + inputs["words"])
        shared = np.repeat(inputs["image"], times)
        np.testing.assert_array_equal(shared, VALUES[INDEX[inputs["words"]]])
        seen += inputs["words"].tolist()
    assert sorted(seen) == list(range(9))


def test_a_batch_is_no_larger_than_asked_unless_one_group_is():
    assert max(len(targets) for _, targets in (batches(2)[n] for n in range(len(batches(2))))) == 3
    assert all(len(batches(4)[number][1]) <= 4 for number in range(len(batches(4))))


def test_the_order_depends_on_seed_and_epoch_alone():
    def order(fed: GroupedBatches) -> list:
        return [fed[number][1].tolist() for number in range(len(fed))]

    resumed, continued = batches(epoch=1), batches()
    continued.on_epoch_end()
    assert order(resumed) == order(continued) != order(batches())
    fixed = batches(seed=None)
    before = order(fixed)
    fixed.on_epoch_end()
    assert order(fixed) == before


def test_without_shared_values_every_row_is_a_group():
    fed = GroupedBatches({"words": np.arange(5)}, np.arange(5), 2, 1)
    assert sorted(len(fed[number][1]) for number in range(len(fed))) == [1, 2, 2]
