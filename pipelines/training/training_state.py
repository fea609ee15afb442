"""What an interrupted training needs to resume after its last finished epoch.

It lies beside DVC's outputs, which DVC deletes when a stage starts:

    data/unfinished/<experiment>/<identity>/
        runs.json           the MLflow runs to resume
        <trial>/            a finished trial, as it will be in data/trained
        <trial>.npz         the `Checkpoint` of the running one

The identity is of code, data, params and backend: a change of any of them starts from scratch.
"""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.config.errors import UserError
from pipelines.storage import atomic

FOLDER = Path("data/unfinished")


class TrainingState:
    """The folder of one training. No other process trains the experiment while it is open."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._runs = folder / "runs.json"

    @classmethod
    @contextmanager
    def open(cls, key: str, identity: str) -> Iterator["TrainingState"]:
        """Deletes the states of other identities, and its own when the block ends well.

        Raises:
            UserError: another process trains the same experiment.
        """
        experiment = FOLDER / key
        folder = experiment / identity
        folder.mkdir(parents=True, exist_ok=True)
        with (FOLDER / f"{key}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    "training-locked",
                    f"another process is training {key} here; wait until it has ended",
                    path=folder, value=key,
                ) from None  # fmt: skip
            for stale in experiment.iterdir():
                if stale != folder:
                    shutil.rmtree(stale)
            yield cls(folder)
            shutil.rmtree(experiment)

    @contextmanager
    def run(self, start, name: str, **description) -> Iterator:
        """The MLflow run of this name: resumed if it was started before, otherwise a new one."""
        with start(name, **description, begun=self._known_runs().get(name)) as run:
            with atomic.file(self._runs) as target:
                runs = {**self._known_runs(), name: run.id}
                target.write_text(json.dumps(runs, indent=1), "utf-8")
            yield run

    def _known_runs(self) -> dict[str, str]:
        return json.loads(self._runs.read_text("utf-8")) if self._runs.is_file() else {}

    def trial(self, name: str) -> Path:
        """A folder that exists once this trial is finished."""
        return self.folder / name

    def checkpoint(self, name: str) -> Path:
        return self.folder / f"{name}.npz"
