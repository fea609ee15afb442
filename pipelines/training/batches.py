"""What `fit` is fed: batches whose order follows from the seed and the number of the epoch alone.

With `fit.length_buckets` they hold rows of like length, so that short texts do not pay for long
ones. Padded rows (token ids that end in zeros) are cut to one of a few lengths, the rungs of a
ladder, that train's own lengths suggest: a fixed few, because a graph is compiled for each. A batch
is as long as its longest row's rung. Models that let padding have no influence learn the same.

Imports keras and not tensorflow, so that it feeds every Keras backend.
"""

from dataclasses import dataclass

import keras
import numpy as np

from pipelines.config.errors import UserError
from pipelines.spec import DataSpec
from pipelines.storage import trials


def feed(train: dict, val: dict, spec: DataSpec, settings, seed: int, epoch: int = 0) -> dict:
    """The arguments of `fit` that say what it reads, from after `epoch` epochs on."""
    read, check = ((trials.inputs(part, spec), part[spec.target.name]) for part in (train, val))
    ladder = _ladder(read[0], spec, settings.length_buckets)
    return {
        "x": Batches(*read, ladder, settings.batch_size, seed, epoch),
        "validation_data": Batches(*check, ladder, settings.batch_size),
        "shuffle": False,
    }


def _ladder(inputs: dict, spec: DataSpec, count: int | None) -> "Ladder":
    if count is None:
        return Ladder((), np.empty((1, 0), np.int64))
    padded = [name for name, field in spec.inputs.items() if field.padded]
    if not padded:
        raise UserError("fit.length_buckets: the data set has no padded token ids; remove it")
    return Ladder.fit({name: inputs[name] for name in padded}, count)


def lengths(ids: np.ndarray) -> np.ndarray:
    """How many positions each row of (rows, positions) ids has before its padding begins."""
    real = np.asarray(ids) != 0
    return np.where(real.any(axis=1), real.shape[1] - real[:, ::-1].argmax(axis=1), 0)


@dataclass(frozen=True)
class Ladder:
    """rungs[i] holds a length for each column of `names`; column by column they never decrease.

    The last is as long as rows can be, for rows longer than any that the ladder was made for.
    Without names there is one rung, and rows stay as long as they are.
    """

    names: tuple[str, ...]
    rungs: np.ndarray

    @classmethod
    def fit(cls, columns: dict[str, np.ndarray], count: int) -> "Ladder":
        """Rungs at `count` equal shares of the rows: with 4, a quarter fits the first."""
        shares = np.arange(1, count + 1) / count
        found = [
            [*np.quantile(lengths(ids), shares, method="higher"), ids.shape[1]]
            for ids in columns.values()
        ]
        rungs = np.unique(np.maximum(np.array(found, np.int64).T, 1), axis=0)
        return cls(tuple(columns), rungs)

    def rung(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """For each row the first rung that holds all its columns."""
        rows = len(next(iter(columns.values())))
        lowest = [
            np.searchsorted(steps, lengths(columns[name]))
            for name, steps in zip(self.names, self.rungs.T, strict=True)
        ]
        return np.max([np.zeros(rows, np.int64), *lowest], axis=0)


class Batches(keras.utils.PyDataset):
    """(inputs, targets) batches of one part of the data, every row once an epoch.

    With a seed, rows of a rung meet in other company in every epoch and batches come in another
    order, the same for the same seed and number of epochs before; without, all epochs are alike.
    Targets that are ids as long as those of an input, row for row (a sequence predicted position by
    position), are cut with it. One batch an epoch is smaller where the rows do not divide; none is
    dropped.
    """

    def __init__(
        self, inputs, targets, ladder: Ladder, batch_size: int,
        seed: int | None = None, epoch: int = 0,
    ):  # fmt: skip
        super().__init__()
        self.inputs, self.targets, self.ladder = inputs, targets, ladder
        self.batch_size, self.seed, self.epoch = batch_size, seed, epoch
        self._rung = ladder.rung(inputs)
        self._beside = self._twin()
        self._plan()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int):
        rows = self.rows[index]
        room = dict(zip(self.ladder.names, self.ladder.rungs[self._rung[rows].max()], strict=True))
        inputs = {
            name: _taken(column, rows, room.get(name)) for name, column in self.inputs.items()
        }
        return inputs, _taken(self.targets, rows, room.get(self._beside))

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self._plan()

    def _plan(self) -> None:
        """Which rows each batch of the epoch has."""
        count = len(self._rung)
        rng = None if self.seed is None else np.random.default_rng([self.seed, self.epoch])
        mixed = np.arange(count) if rng is None else rng.permutation(count)
        sizes = np.full(-(-count // self.batch_size), self.batch_size)
        # The smaller batch weighs its rows more than others do: chance decides who is in it.
        odd = -1 if rng is None else rng.integers(len(sizes))
        sizes[odd] -= sizes.sum() - count
        ordered = mixed[np.argsort(self._rung[mixed], kind="stable")]
        batches = [np.sort(rows) for rows in np.split(ordered, np.cumsum(sizes)[:-1])]
        # Shortest and longest first: Keras takes for fixed any length that the first two share.
        self.rows = [batches.pop(place) for place in (0, -1) if batches]
        later = range(len(batches)) if rng is None else rng.permutation(len(batches))
        self.rows += [batches[number] for number in later]

    def _twin(self) -> str | None:
        """The input whose lengths the targets have, if they are sequences of ids."""
        targets = self.targets
        if targets.ndim != 2 or targets.dtype.kind not in "iu":
            return None
        own = lengths(targets)
        for name in self.ladder.names:
            ids = self.inputs[name]
            if ids.shape == targets.shape and (lengths(ids) == own).all():
                return name
        return None


def _taken(column: np.ndarray, rows: np.ndarray, length: int | None) -> np.ndarray:
    return np.asarray(column[rows, :length] if length is not None else column[rows])
