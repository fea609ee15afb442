"""Batches of rows that share an input, which a model then encodes once: questions about an image.

A batch holds groups, the rows with one value of the shared input, and all of its groups have the
same number of rows: the shared input has one row a group, and every other input and the targets
have so many times more, group by group. With groups of one row these are ordinary batches, so a
model that is trained on groups predicts row by row.

Imports keras and not tensorflow.
"""

from collections.abc import Mapping

import keras
import numpy as np

from pipelines.storage.repeated import Repeated


class GroupedBatches(keras.utils.PyDataset):
    """(inputs, targets) batches of a split, every row once an epoch.

    Groups of one size are a batch together, so a size that is rare makes a small batch.

    Args:
        inputs: by name; those that are `Repeated` all have the same groups. Without one, every row
            is a group.
        targets: of all rows.
        batch_size: rows, at most, unless one group has more.
        seed: batches are drawn, in an order that depends on the seed and the epoch alone. None:
            every epoch is the same.
        epoch: the number of epochs that are already done.
    """

    def __init__(
        self, inputs: Mapping, targets: np.ndarray, batch_size: int, seed: int | None = None,
        epoch: int = 0,
    ):  # fmt: skip
        super().__init__()
        self.inputs, self.targets = inputs, targets
        self.batch_size, self.seed, self.epoch = batch_size, seed, epoch
        shared = [c.numbers for c in inputs.values() if isinstance(c, Repeated)]
        index = shared[0] if shared else np.arange(len(targets))
        order = np.argsort(index, kind="stable")
        starts = np.unique(index[order], return_index=True)[1]
        self.groups = np.split(order, starts[1:])  # row numbers
        self.sizes = np.array([len(rows) for rows in self.groups])
        self._plan()

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int):
        groups = [self.groups[number] for number in self.batches[index]]
        first, rows = np.array([members[0] for members in groups]), np.concatenate(groups)
        inputs = {
            name: np.asarray(column[first if isinstance(column, Repeated) else rows])
            for name, column in self.inputs.items()
        }
        return inputs, np.asarray(self.targets[rows])

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self._plan()

    def _plan(self) -> None:
        """Chooses the groups of each batch of the epoch."""
        rng = None if self.seed is None else np.random.default_rng([self.seed, self.epoch])
        count = len(self.groups)
        mixed = np.arange(count) if rng is None else rng.permutation(count)
        batches = []
        for size in np.unique(self.sizes):
            members = mixed[self.sizes[mixed] == size]
            step = max(1, self.batch_size // int(size))
            batches += [members[start : start + step] for start in range(0, len(members), step)]
        order = range(len(batches)) if rng is None else rng.permutation(len(batches))
        self.batches = [batches[number] for number in order]
