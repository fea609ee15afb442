"""The metric by which the best epoch of a fit, and the best trial of an experiment, are chosen."""

from dataclasses import dataclass
from typing import Literal

from pipelines.config.errors import UserError, one_of


@dataclass(frozen=True)
class Monitor:
    """A validation metric and its direction. A task's objective has one, MONITOR.

    Early stopping, the epoch whose weights are restored, and the trial that is exported all
    depend on it.

    Args:
        metric: as in history.csv: "val/loss", "val/accuracy".
        mode: "min" if a lower value is better, else "max".
    """

    metric: str = "val/loss"
    mode: Literal["min", "max"] = "min"

    @property
    def keras_name(self) -> str:
        """The name in Keras's logs: "val_loss"."""
        return self.metric.replace("val/", "val_", 1)

    def best_epoch(self, rows: list[dict]) -> dict:
        """The row of history.csv with the best value; of equals the first.

        Raises:
            UserError: the metric is not in the history.
        """
        if self.metric not in rows[0]:
            choices = [name for name in rows[0] if name.startswith("val/")]
            raise UserError(
                "monitor-unknown",
                f"MONITOR of the task's objective: no metric {self.metric!r} in the history; "
                f"{one_of(self.metric, choices)}",
                value=self.metric,
            )
        best = min if self.mode == "min" else max
        return best(rows, key=lambda row: row[self.metric])
