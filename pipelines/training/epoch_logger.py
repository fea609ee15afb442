"""Every epoch of a fit, told to MLflow, to history.csv and to who is waiting for it."""

import csv
import math
import time
from pathlib import Path

import keras

from pipelines.config.errors import UserError


class Journal(keras.callbacks.Callback):
    """Keeps the rows of history.csv, and stops on a loss that is no number.

    about: what is being fitted, for the terminal. later: how many fits like this one come after.
    rows, seconds: of the epochs before an interruption. An epoch that the run knows already, whose
    checkpoint was never written, is not told twice.
    """

    def __init__(self, run, about: str, later: int = 0, rows=(), seconds: float = 0.0):
        super().__init__()
        self.run, self.about, self.later = run, about, later
        self.rows, self.seconds = list(rows), seconds
        self.told = run.last_step("train/loss")

    def on_train_begin(self, logs=None):
        self.began = time.perf_counter() - self.seconds  # a second phase goes on counting

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        # A mean over the epoch so far: the first loss that is no number makes it one too.
        if not math.isfinite(logs["loss"]):
            raise no_number(f"epoch {self.epoch}, batch {batch + 1} of {self.params['steps']}")

    def on_epoch_end(self, epoch, logs=None):
        row = {
            f"val/{name[4:]}" if name.startswith("val_") else f"train/{name}": float(value)
            for name, value in logs.items()
        }
        if not all(math.isfinite(value) for value in row.values()):
            raise no_number(f"epoch {epoch + 1}, at its end ({row})")
        before, self.seconds = self.seconds, time.perf_counter() - self.began
        self.rows.append({"epoch": epoch + 1, **row})
        if epoch + 1 > self.told:
            self.run.metrics(row, step=epoch + 1)
        self.say(epoch + 1, self.seconds - before, row)

    def say(self, epoch: int, took: float, row: dict) -> None:
        epochs = self.params["epochs"]
        values = ", ".join(f"{name} {value:.4g}" for name, value in row.items())
        left = self.seconds / epoch * (epochs - epoch + self.later * epochs)
        print(
            f"{self.about}: epoch {epoch}/{epochs}, {duration(took)}: {values}"
            f"{f'; {duration(left)} left at most' if left >= 1 else ''}",
            flush=True,
        )

    def write(self, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, self.rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)


def no_number(place: str) -> UserError:
    return UserError(
        f"{place}: the loss is no longer a finite number; lower fit.learning_rate or look for "
        "extreme values in the data"
    )


def duration(seconds: float) -> str:
    """0.4 s, 45 s, 12 min, 2 h 5 min."""
    if seconds < 90:
        return f"{seconds:.{1 if seconds < 10 else 0}f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
