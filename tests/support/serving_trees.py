"""Small SavedModels in model repositories, and a server for them in this process."""

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
from serving.servables import repository, version_files
from serving.server import Addresses, ExtraRoutes, running

X = tf.TensorSpec((None, 3), tf.float32, name="x")
ROW = [1.0, 2.0, 3.0]


class Scaled(tf.Module):
    """Returns its scale with every answer, so that tests see which version answered."""

    def __init__(self, scale: float):
        super().__init__()
        self.scale = tf.Variable(scale, dtype=tf.float32)

    @tf.function(input_signature=[X])
    def scaled(self, x):
        return {"y": x * self.scale, "scale": tf.fill(tf.shape(x)[:1], self.scale)}

    @tf.function(input_signature=[X])
    def picky(self, x):
        """Refuses a batch with a negative number in it."""
        valid = tf.debugging.Assert(tf.reduce_all(x >= 0), ["x: a negative number"])
        with tf.control_dependencies([valid]):
            return {"y": x * self.scale}

    @tf.function(
        input_signature=[
            tf.TensorSpec((None,), tf.string, name="text"),
            tf.TensorSpec((None,), tf.int32, name="times"),
        ]
    )
    def repeated(self, text, times):
        twice = tf.strings.reduce_join(tf.repeat(text[:, None], 2, axis=1), axis=1)
        return {"text": twice, "raw_bytes": twice, "times": times + 1}

    @tf.function(input_signature=[tf.TensorSpec((3,), tf.float64, name="x")])
    def total(self, x):
        return {"sum": tf.reduce_sum(x)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int32, name="steps")])
    def slow(self, steps):
        """Takes about a millisecond for each step."""
        most_steps = tf.reduce_max(steps)
        square = tf.while_loop(
            lambda i, m: i < most_steps,
            lambda i, m: (i + 1, tf.linalg.matmul(m, m) / 300.0),
            (0, tf.ones((300, 300))),
            parallel_iterations=1,
        )[1]
        return {"y": tf.cast(steps, tf.float32) * square[0, 0]}


def write_signature(folder: Path, **fields) -> None:
    """signature.json with these fields and the present schema version."""
    _write(folder / repository.SIGNATURE, fields)


def write_golden(folder: Path, inputs: dict[str, list], outputs: dict[str, list]) -> None:
    """golden.json with the present schema version."""
    _write(folder / repository.GOLDEN, {"inputs": inputs, "outputs": outputs})


def _write(path: Path, fields: dict) -> None:
    content = {"schema_version": version_files.SCHEMA_VERSION, **fields}
    path.write_text(json.dumps(content), "utf-8")


def save(folder: Path, scale: float, **golden) -> Path:
    """golden: the rows x and y of golden.json; without them the file is not written."""
    module = Scaled(scale)
    signatures = {
        "serving_default": module.scaled, "picky": module.picky, "repeated": module.repeated,
        "total": module.total, "slow": module.slow,
    }  # fmt: skip
    tf.saved_model.save(module, str(folder), signatures)
    if golden:
        write_golden(folder, {"x": golden["x"]}, {"y": golden["y"]})
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
    """A model repository with one model, to which versions are added by renaming a folder."""

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
        (folder / "saved_model.pb").write_bytes(b"not a SavedModel")
        return folder

    def remove(self, version: int) -> None:
        """Renames first: a folder that is partly deleted would be a broken version."""
        hidden = self.folder / f".deleted-{version}"
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
        content = {"data": body} if isinstance(body, str | bytes) else {"json": body}
        return requests.post(self.url(path), timeout=30, **content, **options)

    def predict(
        self, rows: list, model: str = "scaled", path: str = "", **fields
    ) -> requests.Response:
        """path: of the version or label, such as /versions/1. fields: further keys of the body."""
        return self.post(f"/v1/models/{model}{path}:predict", {"instances": rows, **fields})

    def scale(self, path: str = "") -> float:
        """The scale of the version that answers."""
        response = self.predict([ROW], path=path)
        assert response.status_code == 200, response.text
        return response.json()["predictions"][0]["scale"]

    def states(self, model: str = "scaled") -> dict[int, str]:
        statuses = self.get(f"/v1/models/{model}").json()["model_version_status"]
        return {int(status["version"]): status["state"] for status in statuses}

    def poll(self) -> None:
        """Polls the repository once; returns when all unloading that follows has ended."""

        async def poll_once() -> None:
            await self.core.manager.update()
            await self.core.manager.wait_for_unloading()

        asyncio.run_coroutine_threadsafe(poll_once(), self.loop).result(60)


@contextmanager
def served(
    *roots: Path, watching: bool = False, extra_routes: ExtraRoutes = lambda core: (), **values
):
    """A server in a thread of this process.

    Args:
        roots: the model repositories.
        watching: poll every 50 ms; otherwise the test calls `poll`.
        extra_routes: further routes, such as those of the page.
        values: fields of the configuration.
    """
    config = Config(roots=roots, rest_port=0, grpc_port=0, poll_s=0.05, **values)
    started, handles = threading.Event(), []

    async def main() -> None:
        async with running(config, extra_routes) as (core, addresses):
            await core.manager.update()
            stop = asyncio.Event()
            handles.extend([Served(core, addresses, asyncio.get_running_loop()), stop])
            started.set()
            watch = asyncio.create_task(core.manager.watch(lambda: config)) if watching else None
            await stop.wait()
            if watch:
                watch.cancel()

    thread = threading.Thread(target=lambda: uvloop.run(main()), daemon=True)
    thread.start()
    assert started.wait(120)
    server, stop = handles
    try:
        yield server
    finally:
        server.loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        assert not thread.is_alive()
