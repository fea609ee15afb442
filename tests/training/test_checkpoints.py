"""What an interrupted training leaves to the next one, and to whom not."""

import fcntl

import pytest

from pipelines.config.errors import UserError
from pipelines.training import checkpoints
from pipelines.training.checkpoints import Checkpoint, SaveCheckpoint
from pipelines.training.training_state import FOLDER, TrainingState


class Stopped(Exception):
    pass


def interrupted(key: str, identity: str) -> None:
    with pytest.raises(Stopped), TrainingState.open(key, identity) as state:
        state.checkpoint("repeat0_seed1").write_text(identity)
        raise Stopped


def found(key: str, identity: str) -> bool:
    """Whether a training of this content has something to go on from; stopped again."""
    with pytest.raises(Stopped), TrainingState.open(key, identity) as state:
        there = state.checkpoint("repeat0_seed1").is_file()
        raise Stopped
    return there


def test_the_same_content_goes_on(empty_folder):
    interrupted("lenet", "same")
    assert found("lenet", "same")


def test_other_content_starts_afresh_and_so_does_the_first_after_it(empty_folder):
    interrupted("lenet", "one")
    assert not found("lenet", "another")
    assert not found("lenet", "one")


def test_other_experiments_are_left_alone(empty_folder):
    interrupted("lenet", "same")
    assert not found("vgg", "same")
    assert found("lenet", "same")


def test_one_that_ended_well_leaves_nothing(empty_folder):
    interrupted("lenet", "same")
    with TrainingState.open("lenet", "same"):
        pass
    assert [path.name for path in FOLDER.iterdir()] == ["lenet.lock"]


def test_two_at_once_are_refused_and_the_first_keeps_its_own(empty_folder):
    interrupted("lenet", "same")
    with (FOLDER / "lenet.lock").open("w") as lock:  # as another process holds it
        fcntl.flock(lock, fcntl.LOCK_EX)
        with (
            pytest.raises(UserError) as error,
            TrainingState.open("lenet", "another"),
        ):
            pytest.fail("must not be entered")
    assert (error.value.code, error.value.value) == ("training-locked", "lenet")
    assert found("lenet", "same")


def test_writing_takes_a_small_part_of_the_time(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: clock[0])
    saver = SaveCheckpoint(tmp_path / "file", Checkpoint(), logger=None, callbacks=[])

    def epochs_saved(seconds: float, of_epoch: float = 1.0, epochs: int = 100) -> list[int]:
        saved: list[int] = []

        def save(epoch: int) -> None:
            clock[0] += seconds
            saved.append(epoch)

        monkeypatch.setattr(saver, "save", save)
        for epoch in range(epochs):
            clock[0] += of_epoch
            saver.on_epoch_end(epoch)
        return saved

    assert epochs_saved(0.4) == [*range(100)]
    saved = epochs_saved(2.0)
    assert saved[0] == 0 and len(saved) == 3  # a hundred seconds, forty after each
