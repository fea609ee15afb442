"""What `fit` is fed: batches whose order depends only on the seed and the number of the epoch.

The task's objective chooses how train is fed, by its constant FEED:

    "shuffled"   rows in a new random order in every epoch; the default
    "reconstructed"  the same, and the target of a row is its only input
    "ordered"    rows in their order, as `batch_size` parallel streams, for models that carry their
                 state from one batch to the next
    "streams"    rows are documents of tokens, joined to `batch_size` parallel streams and cut every
                 `fit.bptt_steps`; see token_streams.py
    "windows"    rows are documents of tokens, of which windows are drawn; see text_windows.py
    "grouped"    rows that share an input, which is then encoded once; see grouped_batches.py
    "sampled"    batches drawn by the objective's `sample_batch`

With `fit.length_buckets`, batches hold rows of similar length, so that short texts are not padded
to the length of long ones. Padded rows are cut to one of a few boundaries, quantiles of train's
lengths: a few, because a graph is compiled for each. Results are unchanged for models that mask
padding.

Imports keras and not tensorflow, so that it works on every Keras backend.
"""

from collections.abc import Callable

import keras
import numpy as np

from pipelines.config.errors import UserError, one_of
from pipelines.spec import DataSpec
from pipelines.storage import trials
from pipelines.training.grouped_batches import GroupedBatches
from pipelines.training.length_buckets import LengthBuckets, lengths
from pipelines.training.text_windows import TextWindows, retention
from pipelines.training.token_streams import TokenStreams

FEEDS = ("shuffled", "reconstructed", "ordered", "streams", "windows", "grouped", "sampled")
SHUFFLED, RECONSTRUCTED, ORDERED, STREAMS, WINDOWS, GROUPED, SAMPLED = FEEDS
VALIDATION_STEPS = 8  # times those of a stream in training: states are not carried in validation
SampleBatch = Callable[[dict, DataSpec, int, np.random.Generator], tuple[dict, np.ndarray]]


def feed(
    train: dict, val: dict, spec: DataSpec, settings, seed: int, epoch: int = 0, objective=None
) -> dict:
    """The arguments of `fit` for what it reads.

    Args:
        settings: `fit` of the experiment.
        epoch: the number of epochs that are already done.
        objective: the task's; how train is fed (FEED), by default shuffled.

    Raises:
        UserError: length buckets where they cannot be, or an unknown FEED.
    """
    how = getattr(objective, "FEED", SHUFFLED)
    if how not in FEEDS:
        raise UserError("feed-unknown", f"FEED: {how!r}; {one_of(how, FEEDS)}", value=how)
    if how != SHUFFLED and settings.length_buckets is not None:
        raise UserError(
            "length-buckets-impossible", f"the task's rows are fed {how}; remove it",
            key="fit.length_buckets", value=settings.length_buckets,
        )  # fmt: skip
    if how == SAMPLED:
        size, draw = settings.batch_size, objective.sample_batch
        x = SampledBatches(train, spec, draw, size, seed, epoch)
        return {"x": x, "validation_data": SampledBatches(val, spec, draw, size), "shuffle": False}
    if how == STREAMS:
        return _streams(train, val, spec, settings)
    if how == WINDOWS:
        return _windows(train, val, spec, settings, seed, epoch)
    if how == GROUPED:
        return _groups(train, val, spec, settings, seed, epoch)
    (inputs, targets), (val_inputs, val_targets) = (
        (trials.inputs(columns, spec), columns[spec.target.name]) for columns in (train, val)
    )
    if how == RECONSTRUCTED:
        (targets,), (val_targets,) = inputs.values(), val_inputs.values()
    if how == ORDERED:
        x = OrderedBatches(inputs, targets, settings.batch_size)
        check = OrderedBatches(val_inputs, val_targets, settings.batch_size)
        return {"x": x, "validation_data": check, "shuffle": False}
    buckets = _length_buckets(inputs, spec, settings.length_buckets)
    return {
        "x": Batches(inputs, targets, buckets, settings.batch_size, seed, epoch),
        "validation_data": Batches(val_inputs, val_targets, buckets, settings.batch_size),
        "shuffle": False,
    }


def _streams(train: dict, val: dict, spec: DataSpec, settings) -> dict:
    if settings.bptt_steps is None:
        raise UserError(
            "bptt-steps-missing", "streams are cut into windows; set how many steps one has, such "
            "as 32", key="fit.bptt_steps", value=None,
        )  # fmt: skip
    name = spec.target.name
    windows = (
        TokenStreams(name, columns[name], settings.batch_size, steps)
        for columns, steps in (
            (train, settings.bptt_steps), (val, VALIDATION_STEPS * settings.bptt_steps)
        )
    )  # fmt: skip
    return dict(zip(("x", "validation_data"), windows, strict=True), shuffle=False)


def _windows(train: dict, val: dict, spec: DataSpec, settings, seed: int, epoch: int) -> dict:
    (name,) = spec.inputs
    counts = np.bincount(np.concatenate(train[name]), minlength=spec.outputs)
    remaining = retention(counts, settings.subsample)
    x = TextWindows(name, train[name], settings.batch_size, remaining, seed, epoch)
    check = TextWindows(name, val[name], settings.batch_size, remaining)
    return {"x": x, "validation_data": check, "shuffle": False}


def _groups(train: dict, val: dict, spec: DataSpec, settings, seed: int, epoch: int) -> dict:
    x, check = (
        GroupedBatches(
            {name: columns[name] for name in spec.inputs}, columns[spec.target.name],
            settings.batch_size, drawn_by, epoch,
        )
        for columns, drawn_by in ((train, seed), (val, None))
    )  # fmt: skip
    return {"x": x, "validation_data": check, "shuffle": False}


def _length_buckets(inputs: dict, spec: DataSpec, count: int | None) -> LengthBuckets:
    if count is None:
        return LengthBuckets((), np.empty((1, 0), np.int64))
    padded = [name for name, field in spec.inputs.items() if field.padded]
    if not padded:
        raise UserError(
            "length-buckets-impossible", "the data set has no padded token ids; remove it",
            key="fit.length_buckets", value=count,
        )  # fmt: skip
    return LengthBuckets.fit({name: inputs[name] for name in padded}, count)


class Batches(keras.utils.PyDataset):
    """(inputs, targets) batches of a split, every row once an epoch; none is dropped.

    Args:
        buckets: rows of a batch have similar lengths and are cut to a boundary. Targets that are
            ids as long as those of an input, row for row (a class or id a position), are cut with
            that input.
        seed: batches are drawn, in an order that depends on the seed and the epoch alone. None:
            every epoch is the same.
        epoch: the number of epochs that are already done.
    """

    def __init__(
        self, inputs, targets, buckets: LengthBuckets, batch_size: int,
        seed: int | None = None, epoch: int = 0,
    ):  # fmt: skip
        super().__init__()
        self.inputs, self.targets, self.buckets = inputs, targets, buckets
        self.batch_size, self.seed, self.epoch = batch_size, seed, epoch
        self._bucket = buckets.bucket(inputs)
        self._target_input = self._find_target_input()
        self._plan()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int):
        rows = self.rows[index]
        boundary = self.buckets.boundaries[self._bucket[rows].max()]
        length = dict(zip(self.buckets.names, boundary, strict=True))
        inputs = {
            name: _rows_of(column, rows, length.get(name)) for name, column in self.inputs.items()
        }
        return inputs, _rows_of(self.targets, rows, length.get(self._target_input))

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self._plan()

    def _plan(self) -> None:
        """Chooses the rows of each batch of the epoch."""
        count = len(self._bucket)
        rng = None if self.seed is None else np.random.default_rng([self.seed, self.epoch])
        mixed = np.arange(count) if rng is None else rng.permutation(count)
        sizes = np.full(-(-count // self.batch_size), self.batch_size)
        # Rows of the smaller batch have a larger weight in its mean: another batch in every epoch.
        smaller = -1 if rng is None else rng.integers(len(sizes))
        sizes[smaller] -= sizes.sum() - count
        ordered = mixed[np.argsort(self._bucket[mixed], kind="stable")]
        batches = [np.sort(rows) for rows in np.split(ordered, np.cumsum(sizes)[:-1])]
        # Shortest and longest first: Keras compiles a fixed length if the first two batches have
        # the same.
        self.rows = [batches.pop(place) for place in (0, -1) if batches]
        rest = range(len(batches)) if rng is None else rng.permutation(len(batches))
        self.rows += [batches[number] for number in rest]

    def _find_target_input(self) -> str | None:
        """The input whose lengths the targets have, if they are sequences of ids."""
        targets = self.targets
        if targets.ndim != 2 or targets.dtype.kind not in "iu":
            return None
        target_lengths = lengths(targets)
        for name in self.buckets.names:
            ids = self.inputs[name]
            if ids.shape == targets.shape and (lengths(ids) == target_lengths).all():
                return name
        return None


class OrderedBatches(keras.utils.PyDataset):
    """(inputs, targets) batches of parallel streams, the same in every epoch.

    With B rows a batch and S batches, stream b is the rows b*S to b*S + S - 1, and batch t holds
    row t of each stream. So row i of batch t + 1 continues row i of batch t, and a model may carry
    its state over (truncated backpropagation through time). Every row is read once. Where the rows
    do not divide, the last streams are shorter and the last batches smaller: a model with a fixed
    batch size needs a number of rows that divides.
    """

    def __init__(self, inputs, targets, batch_size: int):
        super().__init__()
        self.inputs, self.targets = inputs, targets
        self.count, self.steps = len(targets), -(-len(targets) // batch_size)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int):
        rows = np.arange(index, self.count, self.steps)
        inputs = {name: _rows_of(column, rows, None) for name, column in self.inputs.items()}
        return inputs, _rows_of(self.targets, rows, None)


class SampledBatches(keras.utils.PyDataset):
    """Batches that the objective draws: as many an epoch as the rows would fill.

    Args:
        draw: (columns, spec, batch_size, generator) -> (inputs, targets).
        seed: other batches in every epoch; None draws the same ones every time.
        epoch: the number of epochs that are already done.
    """

    def __init__(
        self, columns: dict, spec: DataSpec, draw: SampleBatch, batch_size: int,
        seed: int | None = None, epoch: int = 0,
    ):  # fmt: skip
        super().__init__()
        self.columns, self.spec, self.draw = columns, spec, draw
        self.batch_size, self.seed, self.epoch = batch_size, seed, epoch

    def __len__(self) -> int:
        return -(-len(self.columns[self.spec.target.name]) // self.batch_size)

    def __getitem__(self, index: int):
        entropy = [index] if self.seed is None else [self.seed, self.epoch, index]
        rng = np.random.default_rng(entropy)
        return self.draw(self.columns, self.spec, self.batch_size, rng)

    def on_epoch_end(self) -> None:
        self.epoch += 1


def _rows_of(column: np.ndarray, rows: np.ndarray, length: int | None) -> np.ndarray:
    return np.asarray(column[rows, :length] if length is not None else column[rows])
