"""The state of a running fit after its last finished epoch: saved, loaded and restored.

`training_state.py` says where it lies.
"""

import json
import time
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np

from pipelines.config.errors import UserError
from pipelines.storage import atomic
from pipelines.training.epoch_logger import EpochLogger

# Attributes of callbacks that live longer than an epoch. Best weights are arrays, saved apart.
CALLBACK_STATE = {
    "EarlyStopping": ("wait", "stopped_epoch", "best", "best_epoch"),
    "SwapEMAWeights": ("_ema_weights_in_model",),
}


@dataclass(frozen=True)
class Checkpoint:
    """The state of a fit after `epoch` epochs, in phase number `phase`.

    Args:
        stopped: early stopping has ended the phase.
        rows, seconds: of history.csv so far.
        callbacks: their state, CALLBACK_STATE, by class.
        variables, optimizer: values in Keras's order, including states of random generators.
        best: the best weights that early stopping has seen, if it is used.
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

    def is_within(self, phase: int) -> bool:
        """Whether it was saved in this phase, after at least one epoch of it."""
        return self.phase == phase and bool(self.variables)

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """The checkpoint in a file; without a file, that of a fit which has not begun.

        Raises:
            UserError: the file is not a whole checkpoint.
        """
        if not path.is_file():
            return cls()
        try:
            with np.load(path, allow_pickle=False) as file:
                plain = json.loads(file["plain"].tobytes())
                count = plain.pop("count")
                arrays = {
                    name: [file[f"{name}{number}"] for number in range(count[name])]
                    for name in cls.ARRAYS
                }
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise UserError(
                "checkpoint-damaged",
                f"not a whole checkpoint ({error}); remove it, and this fit starts from scratch",
                path=path,
            ) from error
        return cls(**plain, **arrays)

    def save(self, path: Path) -> None:
        plain = dict(vars(self))
        lists = {name: plain.pop(name) for name in self.ARRAYS}
        plain["count"] = {name: len(arrays) for name, arrays in lists.items()}
        named = {
            f"{name}{number}": array
            for name, arrays in lists.items()
            for number, array in enumerate(arrays)
        }
        with atomic.file(path) as target:
            np.savez(target, plain=np.frombuffer(json.dumps(plain).encode(), np.uint8), **named)


# After a checkpoint that took longer than LONG_S none is written for WAIT times as long, so that
# writing costs a twentieth of the time at most: an encoder with its optimizer has 270 MB.
LONG_S, WAIT = 0.5, 20


class SaveCheckpoint(keras.callbacks.Callback):
    """Saves the state of a phase after its epochs; the last callback in its list.

    After every epoch, unless writing takes long (see LONG_S).

    Args:
        path: of the checkpoint file.
        start: the checkpoint that the phase starts from.
        callbacks: the other callbacks, whose state is saved as well.
    """

    def __init__(self, path: Path, start: Checkpoint, logger: EpochLogger, callbacks: list):
        super().__init__()
        self.path, self.start, self.logger = path, start, logger
        named = {type(callback).__name__: callback for callback in callbacks}
        self.stateful = {name: named[name] for name in named if name in CALLBACK_STATE}
        self.not_before = 0.0  # of time.monotonic

    def restore(self, model: keras.Model) -> None:
        """Gives a compiled model its variables. Callbacks get theirs when training begins."""
        if not self.start.variables:
            return
        model.optimizer.build(model.trainable_variables)
        values = [*self.start.variables, *self.start.optimizer]
        variables = [*model.variables, *model.optimizer.variables]
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def on_train_begin(self, logs=None):
        for name, values in self.start.callbacks.items():
            vars(self.stateful[name]).update(values)
        if self.start.best:
            self.stateful["EarlyStopping"].best_weights = self.start.best

    def on_epoch_end(self, epoch, logs=None):
        began = time.monotonic()
        if began < self.not_before:
            return
        self.save(epoch)
        seconds = time.monotonic() - began
        if seconds > LONG_S:
            self.not_before = began + (WAIT + 1) * seconds

    def save(self, epoch: int) -> None:
        best = getattr(self.stateful.get("EarlyStopping"), "best_weights", None)
        Checkpoint(
            phase=self.start.phase,
            epoch=epoch + 1,
            stopped=bool(self.model.stop_training),
            rows=self.logger.rows,
            seconds=self.logger.seconds,
            callbacks={
                name: {
                    attribute: _plain(getattr(callback, attribute))
                    for attribute in CALLBACK_STATE[name]
                }
                for name, callback in self.stateful.items()
            },
            variables=_arrays(self.model.variables),
            optimizer=_arrays(self.model.optimizer.variables),
            best=list(best or []),
        ).save(self.path)


def _arrays(variables) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def _plain(value):
    """A number of numpy as one of Python, which JSON stores without loss."""
    return value.item() if isinstance(value, np.generic) else value
