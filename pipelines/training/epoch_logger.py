"""Every epoch of a fit is written to MLflow, to history.csv and to the terminal."""

import csv
import math
import time
from pathlib import Path

import keras

from pipelines.config.errors import UserError
from pipelines.training.progress import duration


class EpochLogger(keras.callbacks.Callback):
    """Collects the rows of history.csv, and stops on a loss that is not finite.

    An epoch that the run has already, because its checkpoint could not be written before an
    interruption, is not logged twice.

    Args:
        run: the MLflow run.
        name: of what is fitted, for the terminal.
        remaining_fits: how many fits of the same length follow this one.
        rows, seconds: of the epochs before an interruption.
    """

    def __init__(self, run, name: str, remaining_fits: int = 0, rows=(), seconds: float = 0.0):
        super().__init__()
        self.run, self.name, self.remaining_fits = run, name, remaining_fits
        self.rows, self.seconds = list(rows), seconds
        self.last_epoch = run.last_step("train/loss")  # that the run has

    def on_train_begin(self, logs=None):
        self.started = time.perf_counter() - self.seconds  # a second phase continues the count
        self.earlier = len(self.rows), self.seconds  # epochs before this phase may be far shorter

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        # The mean over the epoch so far: the first loss that is not finite makes it so too.
        if not math.isfinite(logs["loss"]):
            raise _not_finite(f"epoch {self.epoch}, batch {batch + 1} of {self.params['steps']}")

    def on_epoch_end(self, epoch, logs=None):
        row = {
            f"val/{name[4:]}" if name.startswith("val_") else f"train/{name}": float(value)
            for name, value in logs.items()
        }
        if not all(math.isfinite(value) for value in row.values()):
            raise _not_finite(f"epoch {epoch + 1}, at its end ({row})")
        before, self.seconds = self.seconds, time.perf_counter() - self.started
        self.rows.append({"epoch": epoch + 1, **row})
        if epoch + 1 > self.last_epoch:
            self.run.metrics(row, step=epoch + 1)
        self.print_progress(epoch + 1, self.seconds - before, row)

    def print_progress(self, epoch: int, seconds: float, row: dict) -> None:
        """seconds: that the epoch took."""
        epochs = self.params["epochs"]
        values = ", ".join(f"{name} {value:.4g}" for name, value in row.items())
        done, before = self.earlier
        left = (self.seconds - before) / (len(self.rows) - done) * (epochs - epoch)
        left += self.remaining_fits * (self.seconds + left)
        print(
            f"{self.name}: epoch {epoch}/{epochs}, {duration(seconds)}: {values}"
            f"{f'; {duration(left)} left at most' if left >= 1 else ''}",
            flush=True,
        )

    def write(self, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, self.rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)


def _not_finite(place: str) -> UserError:
    return UserError(
        "loss-not-finite",
        f"{place}: the loss is no longer a finite number; lower fit.learning_rate or look for "
        "extreme values in the data",
        value=place,
    )
