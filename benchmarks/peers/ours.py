"""This project's training, through training/network_fit.py. Only MLflow is left out."""

import tempfile
from pathlib import Path

from benchmarks.peers import data, plain_keras
from benchmarks.peers.clock import Clock
from benchmarks.untracked import Untracked


def run(work: dict) -> dict:
    from pipelines.config import schema
    from pipelines.storage.trials import Trial
    from pipelines.training import network_fit, phases
    from pipelines.training.checkpoints import Checkpoint
    from pipelines.training.progress import Progress

    network_fit.backend(schema.Experiment.model_validate(work["case"]["experiment"]))
    experiment, objective, given, clock, model = plain_keras.begun(work)
    phase = next(phases.phases(model, given.spec, given.train, given.val, experiment.fit))
    with tempfile.TemporaryDirectory() as folder:
        progress = Progress("ours", 0, Path(folder) / "checkpoint.npz")
        network_fit.fit_phase(
            phase, Checkpoint(), objective, experiment, Trial(0, work["seed"]),
            timed_journal(clock), progress,
        )  # fmt: skip
    return clock.result(trainable(model))


def timed_journal(clock: Clock):
    """The epoch log of a fit, which also stops the clock and sends nothing to MLflow."""
    from pipelines.training.epoch_logger import EpochLogger

    class TimedJournal(EpochLogger):
        def on_epoch_begin(self, epoch, logs=None):
            clock.training()

        def on_test_begin(self, logs=None):
            clock.validating()

        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            clock.ended(logs.get("val_accuracy"))
            self.model.stop_training = clock.enough

    return TimedJournal(Untracked(), "ours")


def trainable(model) -> int:
    return sum(int(weight.shape.num_elements()) for weight in model.trainable_weights)


if __name__ == "__main__":
    data.answer(run)
