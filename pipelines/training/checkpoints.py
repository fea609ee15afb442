"""What an interrupted training needs to go on after its last finished epoch.

It lies beside DVC's outputs, which DVC deletes when a stage starts:

    data/unfinished/<experiment>/<identity>/
        runs.json           the MLflow runs that go on
        <trial>/        a trial that is finished, as it will stand in data/trained
        <trial>.npz     where the running one is: `Checkpoint`

The identity is of code, data, params and backend: whatever changes one of them starts afresh.
"""

import fcntl
import json
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np

from pipelines.config.errors import UserError
from pipelines.storage import atomic
from pipelines.training.epoch_logger import Journal

FOLDER = Path("data/unfinished")
# What callbacks remember between epochs. Best weights are arrays and are kept beside it.
REMEMBERED = {
    "EarlyStopping": ("wait", "stopped_epoch", "best", "best_epoch"),
    "SwapEMAWeights": ("_ema_weights_in_model",),
}


class Unfinished:
    """The folder of one training. Nobody else trains the same experiment while it is open."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._runs = folder / "runs.json"

    @classmethod
    @contextmanager
    def open(cls, key: str, identity: str) -> Iterator["Unfinished"]:
        """Drops what other contents of the same experiment have left, and all when it ends well."""
        every = FOLDER / key
        folder = every / identity
        folder.mkdir(parents=True, exist_ok=True)
        with (FOLDER / f"{key}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"{folder}: another process is training {key} here; wait until it has ended"
                ) from None
            for other in every.iterdir():
                if other != folder:
                    shutil.rmtree(other)
            yield cls(folder)
            shutil.rmtree(every)

    @contextmanager
    def run(self, begin, name: str, **about) -> Iterator:
        """The run that was begun under this name and goes on, or a new one."""
        with begin(name, **about, begun=self._known().get(name)) as run:
            with atomic.file(self._runs) as target:
                target.write_text(json.dumps({**self._known(), name: run.id}, indent=1), "utf-8")
            yield run

    def _known(self) -> dict[str, str]:
        return json.loads(self._runs.read_text("utf-8")) if self._runs.is_file() else {}

    def trial(self, name: str) -> Path:
        """A folder that is there once this trial is finished."""
        return self.folder / name

    def checkpoint(self, name: str) -> Path:
        return self.folder / f"{name}.npz"


@dataclass(frozen=True)
class Saved:
    """Where a fit stands: after `epoch` epochs, in phase number `phase`.

    variables, optimizer: values in Keras's own order, the states of random generators among them.
    best: the best weights that early stopping has seen, if it is at work.
    """

    phase: int = 0
    epoch: int = 0
    stopped: bool = False
    rows: list[dict] = field(default_factory=list)
    seconds: float = 0.0
    callbacks: dict[str, dict] = field(default_factory=dict)
    variables: list[np.ndarray] = field(default_factory=list)
    optimizer: list[np.ndarray] = field(default_factory=list)
    best: list[np.ndarray] = field(default_factory=list)

    ARRAYS: ClassVar = ("variables", "optimizer", "best")

    def began(self, phase: int) -> bool:
        """Whether it stands in this phase, after at least one epoch of it."""
        return self.phase == phase and bool(self.variables)

    @classmethod
    def load(cls, path: Path) -> "Saved":
        """The beginning, where there is no such file."""
        if not path.is_file():
            return cls()
        try:
            with np.load(path, allow_pickle=False) as file:
                plain = json.loads(file["plain"].tobytes())
                count = plain.pop("count")
                arrays = {
                    name: [file[f"{name}{place}"] for place in range(count[name])]
                    for name in cls.ARRAYS
                }
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise UserError(
                f"{path}: not a whole checkpoint ({error}); remove it, and this fit starts afresh"
            ) from error
        return cls(**plain, **arrays)

    def save(self, path: Path) -> None:
        values = dict(vars(self))
        arrays = {name: values.pop(name) for name in self.ARRAYS}
        values["count"] = {name: len(own) for name, own in arrays.items()}
        named = {
            f"{name}{place}": array
            for name, own in arrays.items()
            for place, array in enumerate(own)
        }
        plain = np.frombuffer(json.dumps(values).encode(), np.uint8)
        with atomic.file(path) as target:
            np.savez(target, plain=plain, **named)


class Checkpoint(keras.callbacks.Callback):
    """Keeps where a phase of a fit stands, after every epoch; the last callback in its list."""

    def __init__(self, path: Path, saved: Saved, journal: Journal, others: list):
        super().__init__()
        self.path, self.saved, self.journal = path, saved, journal
        named = {type(each).__name__: each for each in others}
        self.watched = {name: each for name, each in named.items() if name in REMEMBERED}

    def restore(self, model: keras.Model) -> None:
        """Gives a compiled model what it had. Callbacks get theirs when training begins."""
        if not self.saved.variables:
            return
        model.optimizer.build(model.trainable_variables)
        had = [*self.saved.variables, *self.saved.optimizer]
        has = [*model.variables, *model.optimizer.variables]
        for variable, value in zip(has, had, strict=True):
            variable.assign(value)

    def on_train_begin(self, logs=None):
        for name, values in self.saved.callbacks.items():
            vars(self.watched[name]).update(values)
        if self.saved.best:
            self.watched["EarlyStopping"].best_weights = self.saved.best

    def on_epoch_end(self, epoch, logs=None):
        best = getattr(self.watched.get("EarlyStopping"), "best_weights", None)
        Saved(
            phase=self.saved.phase,
            epoch=epoch + 1,
            stopped=bool(self.model.stop_training),
            rows=self.journal.rows,
            seconds=self.journal.seconds,
            callbacks={
                name: {own: plain(getattr(each, own)) for own in REMEMBERED[name]}
                for name, each in self.watched.items()
            },
            variables=arrays(self.model.variables),
            optimizer=arrays(self.model.optimizer.variables),
            best=list(best or []),
        ).save(self.path)


def arrays(variables) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def plain(value):
    """A number of numpy as one of Python, which JSON takes and gives back as it was."""
    return value.item() if isinstance(value, np.generic) else value
