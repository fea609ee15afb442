"""Bad entries in the model repository: each is one model's END, and the server goes on."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
import tensorflow as tf

from serving import page
from serving.config import Config
from serving.core.manager import Manager
from serving.errors import LoadError
from serving.monitoring.metrics import Metrics
from serving.servables import operations, repository, servable, version_files
from tests.support.serving_trees import ROW, Tree, save, served, write_golden, write_signature

ROOT = Path(__file__).parents[2]
MEMORY = 6 << 30  # address space, of which TensorFlow reserves more than it uses


def add_bad_versions(root: Path, model: Path) -> set[str]:
    """Models whose only version is bad, made from a good one. Returns their names."""

    def copy(name: str) -> Path:
        return Tree(root, name).add_copy(model, 1)

    (copy("golden_without_rows") / "golden.json").write_text(
        json.dumps({"schema_version": 1, "inputs": {"x": []}, "outputs": {}})
    )
    (copy("golden_without_inputs") / "golden.json").write_text('{"schema_version": 1}')
    write_signature(copy("signatures_is_a_number"), signatures=5)
    (copy("lone_surrogate") / "signature.json").write_text(
        '{"schema_version": 1, "task": "\\ud800"}'
    )
    (copy("deep") / "signature.json").write_text("[" * 100_000)
    graph = copy("named_pipe") / "saved_model.pb"
    graph.unlink()
    os.mkfifo(graph)
    link = copy("link_to_itself") / "asset"
    link.symlink_to(link)
    write_signature(copy("imports"), requires=["antigravity"])
    return {path.name for path in root.iterdir()}


def test_bad_entries_are_each_one_models_end(tmp_path):
    model = save(tmp_path / "model", 2)
    root = tmp_path / "root"
    root.mkdir()
    bad = add_bad_versions(root, model)
    Tree(root, "good").add_copy(model, 1)
    (root / "loop").symlink_to(root / "loop")
    with served(root, extra_routes=page.routes) as server:
        for name in bad:
            status = server.get(f"/v1/models/{name}").json()["model_version_status"][0]
            assert status["state"] == "END", name
            assert status["status"]["error_message"], name
        assert server.predict([ROW], "good").status_code == 200
        described = server.get("/page/models")
        assert described.status_code == 200
        assert {model["name"] for model in described.json()} == {*bad, "good"}
        repaired = root / "signatures_is_a_number/1/signature.json"
        repaired.unlink()
        version = server.core.manager.models["signatures_is_a_number"].versions[1]
        version.retry_at = 0.0
        server.poll()
        assert server.states("signatures_is_a_number") == {1: "AVAILABLE"}


def test_an_error_of_the_disk_while_hashing_is_one_versions_error(tmp_path, monkeypatch):
    folder = save(tmp_path / "model", 2)
    (folder / repository.CONTENT).write_text("0" * 64)

    def fail(files):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(repository, "digest", fail)
    with pytest.raises(LoadError, match="Input/output error"):
        servable.load(folder)


def test_any_error_of_a_load_or_a_poll_leaves_the_watcher_running(tmp_path):
    (tmp_path / "m/1").mkdir(parents=True)

    def load(folder: Path):
        raise MemoryError

    async def scenario():
        manager = Manager(Config(roots=[tmp_path]), Metrics(), load)
        await manager.update()
        assert manager.models["m"].versions[1].state == "END"

        def reread():
            raise RecursionError("anything")

        await manager.poll(reread)
        await manager.poll(lambda: manager.config)
        await manager.close()

    asyncio.run(scenario())


def test_a_load_that_never_ends_is_ended_by_its_time_and_loads_once_repaired(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "1").mkdir(parents=True)
    endless = threading.Event()

    def load(folder: Path):
        if folder.parent.name == "a":
            endless.wait(20)
        return servable.Servable({}, {}, None)

    async def scenario():
        manager = Manager(Config(roots=[tmp_path], load_timeout_s=0.2), Metrics(), load)
        await manager.update()
        version = manager.models["a"].versions[1]
        assert (version.state, manager.models["b"].versions[1].state) == ("END", "AVAILABLE")
        assert "load_timeout_s" in version.error
        assert not version.can_load(time.monotonic() + 1000)  # its thread still runs
        assert manager.has_running_threads
        endless.set()
        version.loading.result(10)
        version.retry_at = 0.0
        await manager.update()
        assert version.state == "AVAILABLE"
        await manager.close()
        assert not manager.has_running_threads

    asyncio.run(scenario())


def test_others_are_loaded_beside_a_load_that_takes_long(tmp_path, monkeypatch):
    monkeypatch.setattr("serving.core.manager.LOAD_PATIENCE_S", 0.2)
    for name in ("a", "b"):
        (tmp_path / name / "1").mkdir(parents=True)
    slow, running, at_once = threading.Event(), [], []

    def load(folder: Path):
        running.append(folder)
        at_once.append(len(running))
        if folder.parent.name == "a":
            slow.wait(20)
        running.remove(folder)
        return servable.Servable({}, {}, None)

    async def scenario():
        manager = Manager(Config(roots=[tmp_path]), Metrics(), load)

        async def until_available(name: str, number: int) -> None:
            async with asyncio.timeout(20):
                while number not in manager.models[name].available:
                    await asyncio.sleep(0.02)
                    await manager.update()

        await manager.update()
        await until_available("b", 1)
        assert manager.models["a"].versions[1].state == "LOADING"
        (tmp_path / "c" / "1").mkdir(parents=True)
        (tmp_path / "b/2").mkdir()
        await manager.update()
        await until_available("c", 1)
        await until_available("b", 2)
        assert running == [tmp_path / "a/1"]
        slow.set()
        await until_available("a", 1)
        assert max(at_once) == 2
        await manager.close()

    asyncio.run(scenario())


class Endless(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, name="x")])
    def call(self, x):
        return {"y": tf.while_loop(lambda y: True, lambda y: (y * 0.5,), (x,))[0]}


@pytest.mark.slow
def test_a_server_that_warms_up_an_endless_graph_serves_the_others_and_stops(tmp_path):
    tf.saved_model.save(
        module := Endless(), str(tmp_path / "a/1"), {"serving_default": module.call}
    )
    save(tmp_path / "b/1", 2)
    config = tmp_path / "serving.yaml"
    config.write_text(f"load_timeout_s: 5\nroots: [{tmp_path}]\nlimits: {{timeout_s: 2}}\n")
    arguments = ("--config", str(config), "--rest-port", "0", "--grpc-port", "0")
    process = subprocess.Popen(
        [sys.executable, "-m", "serving", *arguments], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 * MEMORY, 2 * MEMORY)),
    )  # fmt: skip
    try:
        base = process.stdout.readline().split()[1]
        url = f"{base}/v1/models/b:predict"
        assert requests.post(url, json={"instances": [ROW]}, timeout=10).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


class Files(tf.Module):
    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(1.0)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="path")])
    def read(self, path):
        return {"content": tf.map_fn(tf.io.read_file, path)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="path")])
    def write(self, path):
        tf.raw_ops.SaveV2(
            prefix=path[0], tensor_names=["a"], shape_and_slices=[""], tensors=[self.scale]
        )
        return {"path": path}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="path")])
    def python(self, path):
        return {"path": tf.ensure_shape(tf.py_function(lambda p: p, [path], tf.string), [None])}


@pytest.mark.parametrize(
    ("method", "operation"),
    [("read", "ReadFile"), ("write", "SaveV2"), ("python", "EagerPyFunc")],
)
def test_a_graph_that_reads_or_writes_files_or_calls_python_is_refused(tmp_path, method, operation):
    module = Files()
    tf.saved_model.save(module, str(tmp_path), {"serving_default": getattr(module, method)})
    with pytest.raises(LoadError, match=operation):
        servable.load(tmp_path)
    if method == "read":
        graph = (tmp_path / "saved_model.pb").read_bytes()
        assert operations.check_graph(graph, operations.REFUSED).meta_graphs


def test_only_allowed_modules_are_imported(tmp_path):
    save(tmp_path, 2)
    write_signature(tmp_path, requires=["antigravity"])
    with pytest.raises(LoadError, match="antigravity"):
        servable.load(tmp_path)
    assert "antigravity" not in sys.modules
    write_signature(tmp_path, requires=["this"])
    assert servable.load(tmp_path, allowed_modules=["this"]).signatures
    operations.check_modules(operations.MODULES, Config().allow_modules)


@pytest.mark.parametrize(
    "content",
    [
        {"inputs": {}, "outputs": {}}, {"inputs": {"x": 5}, "outputs": {}}, {"inputs": {"x": [1]}},
        {"inputs": {"x": []}, "outputs": {}}, {"inputs": {"x": ["\ud800"]}, "outputs": {}},
    ],
)  # fmt: skip
def test_golden_files_that_do_not_match_the_schema_are_refused(tmp_path, content):
    write_golden(tmp_path, {"x": [1]}, {"y": [1]})
    assert version_files.read_golden(tmp_path)["inputs"] == {"x": [1]}
    (tmp_path / "golden.json").write_text(json.dumps({"schema_version": 1, **content}))
    with pytest.raises(LoadError, match=r"golden\.json"):
        version_files.read_golden(tmp_path)
