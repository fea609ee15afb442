"""The server in a process whose memory is limited."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.attack.models import ROOT

# RLIMIT_DATA and not RLIMIT_AS: it counts what the process may write, which is what takes memory.
# The address space holds files as well, such as TensorFlow's 1 GB of code, and what is reserved
# only; a limit of it would refuse to load TensorFlow rather than limit an attack.
LIMIT = 2 << 30
SETTLE_S = 60.0  # at most, until memory that is not used any more is returned


@dataclass(frozen=True)
class Target:
    """rest: http://host:port; grpc: host:port; root: of its models."""

    rest: str
    grpc: str
    pid: int
    root: Path

    def memory(self, field: str = "VmRSS") -> int:
        """Bytes, from /proc: VmRSS is resident, VmData what RLIMIT_DATA counts.

        Raises:
            RuntimeError: the server has died.
        """
        status = Path(f"/proc/{self.pid}/status").read_text("utf-8")
        for line in status.splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("the server has died")

    def is_alive(self) -> bool:
        try:
            return bool(self.memory())
        except (RuntimeError, FileNotFoundError):
            return False

    def settled_memory(self, limit: int) -> int:
        """Resident bytes, as soon as they are at most `limit`, or else after SETTLE_S."""
        end = time.monotonic() + SETTLE_S
        while (size := self.memory()) > limit and time.monotonic() < end:
            time.sleep(1)
        return size


@contextmanager
def running(root: Path, limit: int = LIMIT, settings: str = "") -> Iterator[Target]:
    """The server, with this limit of its data.

    Args:
        root: its models.
        limit: bytes that it may write to.
        settings: further lines of its configuration file.
    """
    config = root.parent / "serving.yaml"
    config.write_text(f"roots: [{root}]\nrest_port: 0\ngrpc_port: 0\n{settings}", "utf-8")
    command = [sys.executable, "-m", "serving", "--config", str(config)]
    with (root.parent / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),
        )  # fmt: skip
        try:
            words = process.stdout.readline().split()
            if len(words) < 4:
                raise RuntimeError(f"the server did not start: {root.parent / 'log'}")
            yield Target(words[1], words[3], process.pid, root)
        finally:
            process.terminate()
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                process.kill()
