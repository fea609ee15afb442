"""Small SavedModels in version trees, and a server over them in this process."""

import asyncio
import json
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
import tensorflow as tf
import uvloop

from serving.config import Config
from serving.core.prediction import Core
from serving.server import Addresses, ExtraRoutes, running

X = tf.TensorSpec((None, 3), tf.float32, name="x")
ROW = [1.0, 2.0, 3.0]


class Scaled(tf.Module):
    """Says in every answer by how much it scales, so that tests see which version answered."""

    def __init__(self, scale: float):
        super().__init__()
        self.scale = tf.Variable(scale, dtype=tf.float32)

    @tf.function(input_signature=[X])
    def scaled(self, x):
        return {"y": x * self.scale, "scale": tf.fill(tf.shape(x)[:1], self.scale)}

    @tf.function(input_signature=[X])
    def picky(self, x):
        """Refuses a batch with a negative number in it."""
        fine = tf.debugging.Assert(tf.reduce_all(x >= 0), ["x: a negative number"])
        with tf.control_dependencies([fine]):
            return {"y": x * self.scale}

    @tf.function(
        input_signature=[
            tf.TensorSpec((None,), tf.string, name="text"),
            tf.TensorSpec((None,), tf.int32, name="times"),
        ]
    )
    def repeated(self, text, times):
        joined = tf.strings.reduce_join(tf.repeat(text[:, None], 2, axis=1), axis=1)
        return {"text": joined, "raw_bytes": joined, "times": times + 1}

    @tf.function(input_signature=[tf.TensorSpec((3,), tf.float64, name="x")])
    def total(self, x):
        return {"sum": tf.reduce_sum(x)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int32, name="steps")])
    def slow(self, steps):
        """About a millisecond a step."""
        many = tf.reduce_max(steps)
        square = tf.while_loop(
            lambda i, m: i < many,
            lambda i, m: (i + 1, tf.linalg.matmul(m, m) / 300.0),
            (0, tf.ones((300, 300))),
            parallel_iterations=1,
        )[1]
        return {"y": tf.cast(steps, tf.float32) * square[0, 0]}


def save(folder: Path, scale: float, **golden) -> Path:
    """golden: x and y of golden.json; none is written without."""
    module = Scaled(scale)
    signatures = {
        "serving_default": module.scaled, "picky": module.picky, "repeated": module.repeated,
        "total": module.total, "slow": module.slow,
    }  # fmt: skip
    tf.saved_model.save(module, str(folder), signatures)
    if golden:
        text = json.dumps({"inputs": {"x": golden["x"]}, "outputs": {"y": golden["y"]}})
        (folder / "golden.json").write_text(text)
    return folder


class Heavy(tf.Module):
    def __init__(self):
        super().__init__()
        self.weights = tf.Variable(tf.random.uniform((1_000_000,)))

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, name="x")])
    def call(self, x):
        return {"y": x + self.weights[0]}


def save_heavy(folder: Path) -> Path:
    """A model of 4 MB."""
    module = Heavy()
    tf.saved_model.save(module, str(folder), {"serving_default": module.call})
    return folder


class Tree:
    """A root with one model, to which versions are added as a publisher adds them."""

    def __init__(self, root: Path, model: str = "scaled"):
        self.root, self.model, self.folder = root, model, root / model
        self.folder.mkdir(parents=True)

    def add(self, version: int, scale: float | None = None, **golden) -> Path:
        tmp = save(self.folder / f".tmp-{version}", scale or version, **golden)
        return tmp.rename(self.folder / str(version))

    def add_copy(self, source: Path, version: int) -> Path:
        tmp = shutil.copytree(source, self.folder / f".tmp-{version}")
        return tmp.rename(self.folder / str(version))

    def add_broken(self, version: int) -> Path:
        folder = self.folder / str(version)
        folder.mkdir()
        (folder / "saved_model.pb").write_bytes(b"no SavedModel")
        return folder

    def remove(self, version: int) -> None:
        """Out of sight at once: a folder that is half removed would be a broken version."""
        hidden = self.folder / f".gone-{version}"
        (self.folder / str(version)).rename(hidden)
        shutil.rmtree(hidden)


@dataclass(frozen=True)
class Served:
    core: Core
    addresses: Addresses
    loop: asyncio.AbstractEventLoop

    def url(self, path: str) -> str:
        return f"{self.addresses.rest}{path}"

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url(path), timeout=30)

    def post(self, path: str, body, **options) -> requests.Response:
        kind = {"data": body} if isinstance(body, str | bytes) else {"json": body}
        return requests.post(self.url(path), timeout=30, **kind, **options)

    def predict(self, rows, model: str = "scaled", place: str = "", **more) -> requests.Response:
        return self.post(f"/v1/models/{model}{place}:predict", {"instances": rows, **more})

    def scale(self, place: str = "") -> float:
        """By which the version that answers scales."""
        answer = self.predict([ROW], place=place)
        assert answer.status_code == 200, answer.text
        return answer.json()["predictions"][0]["scale"]

    def states(self, model: str = "scaled") -> dict[int, str]:
        found = self.get(f"/v1/models/{model}").json()["model_version_status"]
        return {int(each["version"]): each["state"] for each in found}

    def do(self, coroutine):
        """Runs it in the server's event loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def look(self) -> None:
        """One look at the disk, and all unloading that it led to."""

        async def look():
            await self.core.manager.update()
            await self.core.manager.wait_for_unloading()

        self.do(look())


@contextmanager
def served(*roots: Path, watching: bool = False, extra_routes: ExtraRoutes = lambda core: (), **values):
    """watching: whether it polls, every 50 ms; else a test calls `look`. more: routes."""
    config = Config(roots=roots, rest_port=0, grpc_port=0, poll_s=0.05, **values)
    started, handed = threading.Event(), []

    async def main() -> None:
        async with running(config, extra_routes) as (core, addresses):
            await core.manager.update()
            stop = asyncio.Event()
            handed.extend([Served(core, addresses, asyncio.get_running_loop()), stop])
            started.set()
            watch = asyncio.create_task(core.manager.watch(lambda: config)) if watching else None
            await stop.wait()
            if watch:
                watch.cancel()

    thread = threading.Thread(target=lambda: uvloop.run(main()), daemon=True)
    thread.start()
    assert started.wait(120)
    server, stop = handed
    try:
        yield server
    finally:
        server.loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        assert not thread.is_alive()
