"""The server under load while versions are published: `make soak`, or `--minutes 2` in CI.

Thirty versions are published, every fifth of them corrupt. Exits with status 1 if a request fails,
if an answer comes from an older version than the previous one on the same connection, if a new
version does not become available, or if the server's resident memory grows by more than a twentieth
after the tenth publication.
"""

import argparse
import http.client
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.serving import server

CLIENTS, VERSIONS, WARM_UP_VERSIONS, MAX_GROWTH, VERSIONS_ON_DISK = 4, 30, 10, 1.05, 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "served"
        publish(root, 1)
        with server(root) as (rest, _, pid):
            return soak(root, rest, pid, options.minutes * 60 / VERSIONS)


def soak(root: Path, rest: str, pid: int, period_s: float) -> int:
    clients, sizes, started_at = [Client(rest) for _ in range(CLIENTS)], [], time.monotonic()
    for client in clients:
        client.start()
    try:
        for version in range(2, VERSIONS + 2):
            time.sleep(max(0.0, started_at + (version - 1) * period_s - time.monotonic()))
            if any(client.error for client in clients):
                break
            sizes.append(resident_bytes(pid))
            print(f"version {version}: {answered(clients)}, {sizes[-1] / 1e6:.0f} MB", flush=True)
            publish(root, version, corrupt=is_corrupt(version))
    finally:
        for client in clients:
            client.stop()
    failures = find_failures(clients, sizes)
    print("\n".join(failures) or f"{answered(clients)}, no error")
    return 1 if failures else 0


def is_corrupt(version: int) -> bool:
    return version % 5 == 0


def answered(clients: list["Client"]) -> str:
    return f"{sum(client.answers for client in clients)} answers"


def find_failures(clients: list["Client"], sizes: list[int]) -> list[str]:
    """sizes: resident bytes before each publication."""
    if errors := [client.error for client in clients if client.error]:
        return errors
    # The last version has had no time to become available.
    expected = max(version for version in range(1, len(sizes) + 1) if not is_corrupt(version))
    failures = [
        f"version {client.newest:g} answered last, not {expected}"
        for client in clients
        if client.newest < expected
    ]
    first, last = sizes[WARM_UP_VERSIONS], sizes[-1]
    if last > MAX_GROWTH * first:
        failures.append(f"memory grew from {first} to {last} bytes after the tenth publication")
    return failures


class Client(threading.Thread):
    """Sends requests without pause. error: the first failure."""

    def __init__(self, base: str):
        super().__init__()
        self.connection = http.client.HTTPConnection(base.removeprefix("http://"))
        self.answers, self.newest, self.error, self.running = 0, 0.0, "", True

    def run(self) -> None:
        try:
            self.send_requests()
        except (OSError, http.client.HTTPException) as error:
            self.error = f"no answer: {error!r}"

    def send_requests(self) -> None:
        while self.running and not self.error:
            body = json.dumps({"instances": [[1.0, 2.0, 3.0]]})
            self.connection.request("POST", "/v1/models/scaled:predict", body)
            answer = self.connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                self.error = f"{answer.status}: {text!r}"
                return
            (row,) = json.loads(text)["predictions"]
            if row["version"] < self.newest:
                self.error = f"version {row['version']:g} after {self.newest:g}"
            self.newest, self.answers = row["version"], self.answers + 1

    def stop(self) -> None:
        self.running = False
        self.join()


def publish(root: Path, version: int, *, corrupt: bool = False) -> None:
    """Writes a version to a hidden folder and renames it; removes old versions."""
    import tensorflow as tf

    class Versioned(tf.Module):
        def __init__(self):
            super().__init__()
            self.weights = tf.Variable(tf.random.uniform((1_000_000,)))

    module, folder = Versioned(), root / "scaled"

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
    def call(x):
        y = x * module.weights[0]
        return {"y": y, "version": tf.fill(tf.shape(x)[:1], float(version))}

    module.call = call
    hidden = folder / f".tmp-{version}"
    tf.saved_model.save(module, str(hidden), {"serving_default": call})
    if corrupt:
        (hidden / "saved_model.pb").write_bytes(b"not a SavedModel")
    hidden.rename(folder / str(version))
    for old in range(1, version - VERSIONS_ON_DISK):
        shutil.rmtree(folder / str(old), ignore_errors=True)


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1])
    if not pages:  # a zombie process
        raise RuntimeError("the server has died")
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.exit(main())
