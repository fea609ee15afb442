"""The server under load while versions come and go: `python -m benchmarks.soak --minutes 30`.

A version is published each period, every fifth of them corrupt. Fails if a request fails, if an
answer comes from an older version than the one before it on the same connection, or if the resident
memory of the server grows by more than a tenth after the tenth swap.
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

CLIENTS, SWAPS_TO_SETTLE, GROWTH, KEPT = 4, 10, 1.1, 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--period-s", type=float, default=60.0, help="between versions")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "served"
        publish(root, 1)
        with server(root) as (rest, _, pid):
            return soak(root, rest, pid, options.minutes * 60, options.period_s)


def soak(root: Path, rest: str, pid: int, seconds: float, period_s: float) -> int:
    clients = [Client(rest) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    sizes, version, end = [], 1, time.monotonic() + seconds
    while time.monotonic() < end and not any(client.wrong for client in clients):
        time.sleep(period_s)
        sizes.append(resident_bytes(pid))
        version += 1
        publish(root, version, corrupt=version % 5 == 0)
        answered = sum(client.answers for client in clients)
        print(f"version {version}: {answered} answers, {sizes[-1] / 1e6:.0f} MB", flush=True)
    for client in clients:
        client.stop()
    return told(clients, sizes)


def told(clients: list["Client"], sizes: list[int]) -> int:
    wrong = [client.wrong for client in clients if client.wrong]
    settled = sizes[SWAPS_TO_SETTLE:]
    if settled and settled[-1] > GROWTH * settled[0]:
        wrong.append(f"memory grew from {settled[0]} to {settled[-1]} bytes after the tenth swap")
    print("\n".join(wrong) or f"{sum(client.answers for client in clients)} answers, none wrong")
    return bool(wrong)


class Client(threading.Thread):
    """Asks without pause; wrong: the first thing that should not have been."""

    def __init__(self, base: str):
        super().__init__()
        self.connection = http.client.HTTPConnection(base.removeprefix("http://"))
        self.answers, self.wrong, self.going = 0, "", True

    def run(self) -> None:
        try:
            self.ask()
        except (OSError, http.client.HTTPException) as error:
            self.wrong = f"no answer: {error!r}"

    def ask(self) -> None:
        newest = 0.0
        while self.going and not self.wrong:
            body = json.dumps({"instances": [[1.0, 2.0, 3.0]]})
            self.connection.request("POST", "/v1/models/scaled:predict", body)
            answer = self.connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                self.wrong = f"{answer.status}: {text!r}"
                return
            (row,) = json.loads(text)["predictions"]
            if row["version"] < newest:
                self.wrong = f"version {row['version']} after {newest}"
            newest, self.answers = row["version"], self.answers + 1

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
    for old in range(1, version - KEPT):
        shutil.rmtree(folder / str(old), ignore_errors=True)


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1])
    if not pages:  # it has died, and its parent has not asked how
        raise RuntimeError("the server is gone")
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.exit(main())
