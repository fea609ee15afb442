"""A copy of the committed tree, in which stages are run and killed."""

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
# The outputs of each stage, below data/.
OUTPUTS = {
    "prepare": ("prepared/{dataset}",),
    "train": ("trained/{key}",),
    "evaluate": ("metrics/{key}", "metrics/{key}.json"),
    "export": ("exported/{key}",),
}
# They contain run ids, and TensorFlow writes random numbers and unordered names. That the graph is
# right is verified by `export`, from its scores.
NOT_COMPARED = ("run.json", "saved_model.pb", "fingerprint.pb", "variables.index")
RANDOM_KEYS = ("run_id", "digest")  # in signature.json


@dataclass(frozen=True)
class Copy:
    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Copy":
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        (folder / ".venv").symlink_to(sys.prefix)
        return cls(folder)

    @property
    def params(self) -> dict:
        return yaml.safe_load((self.folder / "params.yaml").read_text("utf-8"))

    def write_params(self, values: dict) -> None:
        text = yaml.safe_dump(values, sort_keys=False)
        (self.folder / "params.yaml").write_text(text, "utf-8")

    def shorten(self, key: str, epochs: int) -> None:
        values = self.params
        values["experiments"][key]["fit"]["epochs"] = epochs
        self.write_params(values)

    def dataset(self, key: str) -> str:
        return self.params["experiments"][key]["dataset"]

    def strong(self, key: str) -> str:
        """The experiment whose classical model the baselines of the data set are."""
        blocks = self.params["baselines"].values()
        return next(b["strong"] for b in blocks if b["dataset"] == self.dataset(key))

    def start(self, *command: str) -> subprocess.Popen:
        environ = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}"}
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def stage(self, stage: str, key: str) -> subprocess.Popen:
        name = self.dataset(key) if stage in ("prepare", "baselines") else key
        return self.start(sys.executable, "-m", "pipelines", stage, name)

    def finish(self, process: subprocess.Popen) -> str:
        """What it printed. A status other than 0 ends the drill: the attempt does not count."""
        out, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"{' '.join(process.args)}: status {process.returncode}\n{out}")
        return out

    def timed(self, stage: str, key: str) -> float:
        began = time.perf_counter()
        self.finish(self.stage(stage, key))
        return time.perf_counter() - began

    def outputs(self, stage: str, key: str) -> dict[str, str]:
        """A hash of every file that the stage writes, except for random content."""
        digests = {}
        for pattern in OUTPUTS[stage]:
            top = self.folder / "data" / pattern.format(key=key, dataset=self.dataset(key))
            for path in [top] if top.is_file() else sorted(p for p in top.rglob("*")):
                if path.is_file() and path.name not in NOT_COMPARED:
                    digests[str(path.relative_to(self.folder))] = digest(path)
        return digests

    def leftovers(self) -> list[str]:
        """Temporary files; the next writer removes those of processes that died."""
        return [str(p) for p in (self.folder / "data").rglob(".*") if p.name != ".gitignore"]

    def runs(self) -> list[tuple[str, str, str]]:
        """(id, name, status) of every run that is not deleted."""
        with closing(sqlite3.connect(self.folder / "mlflow.db", timeout=60)) as database:
            condition = "lifecycle_stage = 'active' ORDER BY start_time"
            return database.execute(
                f"SELECT run_uuid, name, status FROM runs WHERE {condition}"
            ).fetchall()


def digest(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".json":
        values = json.loads(data)
        if isinstance(values, dict):
            values = {name: value for name, value in values.items() if name not in RANDOM_KEYS}
        data = json.dumps(values, sort_keys=True).encode()
    return hashlib.sha256(data).hexdigest()


class Killer:
    """Finds the process that does a stage's work: its own, or a child of the fork server."""

    def __init__(self):
        launcher = os.getppid()
        servers = [pid for pid in children(launcher) if b"fork_worker.serve" in command(pid)]
        if not servers:
            raise SystemExit("the drills need the fork server: run them by `make drill`")
        self.server = servers[0]

    def kill(self, process: subprocess.Popen, served: bool, after_s: float) -> bool:
        """Sends SIGKILL `after_s` seconds after the work starts. False: it had ended before."""
        worker = self._worker(process) if served else process.pid
        time.sleep(after_s)
        if worker is None or process.poll() is not None:
            return False
        try:
            os.kill(worker, signal.SIGKILL)
        except ProcessLookupError:
            return False
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def _worker(self, process: subprocess.Popen) -> int | None:
        while process.poll() is None:
            if workers := children(self.server):
                return max(workers)
            time.sleep(0.005)
        return None


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(number) for number in text.split()]


def command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
