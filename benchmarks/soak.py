"""The server under load while versions come and go: `make soak`, or `--minutes 2` in CI.

Thirty versions are published, every fifth of them corrupt. Exits 1 if a request fails, if an answer
comes from an older version than the one before it on the same connection, if new versions do not
come into service, or if the resident memory of the server grows by more than a twentieth after the
tenth swap.
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

CLIENTS, VERSIONS, SWAPS_TO_SETTLE, GROWTH, BEST_EPOCH = 4, 30, 10, 1.05, 3


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
    clients, sizes, began = [Client(rest) for _ in range(CLIENTS)], [], time.monotonic()
    for client in clients:
        client.start()
    try:
        for version in range(2, VERSIONS + 2):
            time.sleep(max(0.0, began + (version - 1) * period_s - time.monotonic()))
            if any(client.wrong for client in clients):
                break
            sizes.append(resident_bytes(pid))
            print(f"version {version}: {answered(clients)}, {sizes[-1] / 1e6:.0f} MB", flush=True)
            publish(root, version, corrupt=is_corrupt(version))
    finally:
        for client in clients:
            client.stop()
    wrong = mistakes(clients, sizes)
    print("\n".join(wrong) or f"{answered(clients)}, none wrong")
    return 1 if wrong else 0


def is_corrupt(version: int) -> bool:
    return version % 5 == 0


def answered(clients: list["Client"]) -> str:
    return f"{sum(client.answers for client in clients)} answers"


def mistakes(clients: list["Client"], sizes: list[int]) -> list[str]:
    """sizes: resident bytes before each publication."""
    if found := [client.wrong for client in clients if client.wrong]:
        return found
    # The last version has had no time to come into service.
    due = max(version for version in range(1, len(sizes) + 1) if not is_corrupt(version))
    found += [f"version {c.newest:g} answered last, not {due}" for c in clients if c.newest < due]
    first, last = sizes[SWAPS_TO_SETTLE], sizes[-1]
    if last > GROWTH * first:
        found.append(f"memory grew from {first} to {last} bytes after the tenth swap")
    return found


class Client(threading.Thread):
    """Asks without pause; wrong: the first thing that should not have been."""

    def __init__(self, base: str):
        super().__init__()
        self.connection = http.client.HTTPConnection(base.removeprefix("http://"))
        self.answers, self.newest, self.wrong, self.going = 0, 0.0, "", True

    def run(self) -> None:
        try:
            self.ask()
        except (OSError, http.client.HTTPException) as error:
            self.wrong = f"no answer: {error!r}"

    def ask(self) -> None:
        while self.going and not self.wrong:
            body = json.dumps({"instances": [[1.0, 2.0, 3.0]]})
            self.connection.request("POST", "/v1/models/scaled:predict", body)
            answer = self.connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                self.wrong = f"{answer.status}: {text!r}"
                return
            (row,) = json.loads(text)["predictions"]
            if row["version"] < self.newest:
                self.wrong = f"version {row['version']:g} after {self.newest:g}"
            self.newest, self.answers = row["version"], self.answers + 1

    def stop(self) -> None:
        self.going = False
        self.join()


def publish(root: Path, version: int, *, corrupt: bool = False) -> None:
    """As a publisher of someone else's would: copied aside, then renamed. Old ones are removed."""
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
        (hidden / "saved_model.pb").write_bytes(b"no model")
    hidden.rename(folder / str(version))
    for old in range(1, version - BEST_EPOCH):
        shutil.rmtree(folder / str(old), ignore_errors=True)


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1])
    if not pages:  # it has died, and its parent has not asked how
        raise RuntimeError("the server is gone")
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.exit(main())
