"""The seventeen acceptance criteria of the server, tested over the network as a client."""

import http.client
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.config import Config
from serving.errors import Conflict
from serving.servables import repository, warmup
from tests.support.serving_trees import ROW, Tree, save_heavy, served, write_golden, write_signature
from tests.support.sizes import FULL

ROOT = Path(__file__).parents[2]
NAMES = {
    "1": 1, "0": 0, "007": 7, "00": 0, "1700000000": 1700000000, "9223372036854775807": 2**63 - 1,
    "9223372036854775808": None, "-1": None, "+1": None, "1.0": None, "1e3": None, " 1": None,
    "1 ": None, "": None, "v1": None, "1_000": None, "²": None, "٣": None, "1\n": None,
    ".tmp-4242-0011aabb-3": None, "tmp": None, "9" * 5000: None, "0" * 5000 + "5": 5,
}  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Tree:
    repository_tree = Tree(tmp_path_factory.mktemp("root"))
    repository_tree.add(1, x=[ROW], y=[ROW])
    return repository_tree


@pytest.fixture(scope="module")
def server(tree):
    limits = {"body_bytes": 1 << 20, "rows": 64, "string_bytes": 1000}
    with served(tree.root, limits=limits) as running_server:
        yield running_server


def metric_sum(server, name: str, **labels: str) -> float:
    """The sum of a metric's samples with these labels."""
    text = server.get("/monitoring/prometheus/metrics").text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def stub(server) -> prediction_service_pb2_grpc.PredictionServiceStub:
    channel = grpc.insecure_channel(server.addresses.grpc)
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def predict_request(model: str, signature: str = "", **inputs) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def test_01_only_folders_named_by_integers_are_versions(tmp_path):
    assert {name: repository.version_number(name) for name in NAMES} == NAMES
    for name in ("1", "007", "12", ".tmp-1-0011aabb-13", "new"):
        (tmp_path / "model" / name).mkdir(parents=True)
    (tmp_path / "model/99").write_text("a file")
    (tmp_path / "model/7").mkdir()
    assert repository.versions(tmp_path / "model") == {
        number: tmp_path / "model" / str(number) for number in (1, 7, 12)
    }
    for name in (".hidden", "a:predict", "line\nbreak", "\udcff", "empty"):
        (tmp_path / name / ("none" if name == "empty" else "1")).mkdir(parents=True)
    assert list(repository.models(tmp_path)) == ["model"]


def test_02_a_new_version_under_load_fails_no_request_and_never_goes_back(tmp_path):
    tree = Tree(tmp_path)
    tree.add(1)
    with served(tmp_path, watching=True) as server:
        done, seen = threading.Event(), [[] for _ in range(4)]

        def send_requests(scales: list) -> None:
            while not done.is_set():
                scales.append(server.scale())

        threads = [threading.Thread(target=send_requests, args=(scales,)) for scales in seen]
        for thread in threads:
            thread.start()
        # A request that fails ends its thread, whose list then never reaches the version.
        for version in (1, 2, 3, 4):
            if version > 1:
                tree.add(version)
            wait_for(lambda version=version: all(s and s[-1] == version for s in seen))
        done.set()
        for thread in threads:
            thread.join(30)
        for scales in seen:
            assert scales == sorted(scales)


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition was not met in time"
        time.sleep(0.02)


def test_03_a_corrupt_new_version_leaves_the_old_one_serving_and_shows_the_error(tmp_path):
    tree = Tree(tmp_path)
    intact = tree.add(1)
    corruptions = {
        "saved_model.pb": lambda folder: (folder / "saved_model.pb").write_bytes(
            b"not a SavedModel"
        ),
        "variables": lambda folder: (folder / "variables/variables.index").unlink(),
        "golden.json": lambda folder: write_golden(folder, {"x": [[1, 1, 1]]}, {"y": [[5, 1, 1]]}),
        "signature.json": lambda folder: (folder / "signature.json").write_text("{"),
        "content.sha256": lambda folder: (folder / "content.sha256").write_text("0" * 64),
        "unknown_library": lambda folder: write_signature(folder, requires=["unknown_library"]),
    }
    with served(tmp_path) as server:
        for version, (name, corrupt) in enumerate(corruptions.items(), 2):
            corrupt(tree.add_copy(intact, version))
            server.poll()
            assert server.scale() == 1
            assert server.states() == {version: "END", 1: "AVAILABLE"}
            response = server.get(f"/v1/models/scaled/versions/{version}").json()
            status = response["model_version_status"][0]["status"]
            assert status["error_code"] == "UNKNOWN"
            assert f"scaled/{version}" in status["error_message"]
            assert name in status["error_message"]
            assert server.predict([ROW], path=f"/versions/{version}").status_code == 503
            tree.remove(version)


def test_03_a_start_with_a_broken_newest_version_serves_the_one_before_it(tmp_path):
    tree = Tree(tmp_path)
    tree.add(1)
    tree.add_broken(2)
    with served(tmp_path) as server:
        assert server.scale() == 1
        assert server.states() == {2: "END", 1: "AVAILABLE"}
        newest = server.get("/v1/models/scaled/versions/2").json()["model_version_status"][0]
        assert newest["status"]["error_code"] == "UNKNOWN"
        assert server.get("/v2/health/ready").status_code == 200


def test_04_when_the_folder_is_emptied_the_last_version_keeps_serving(tmp_path):
    tree = Tree(tmp_path)
    tree.add(1)
    with served(tmp_path) as server:
        tree.remove(1)
        server.poll()
        assert server.scale() == 1
        tree.folder.rmdir()
        server.poll()
        assert (server.scale(), server.states()) == (1, {1: "AVAILABLE"})
        tree.folder.mkdir()
        tree.add(5)
        server.poll()
        assert (server.scale(), server.states()) == (5, {5: "AVAILABLE", 1: "END"})


def test_05_rollback_by_removing_the_new_version(tmp_path):
    tree = Tree(tmp_path)
    tree.add(1)
    with served(tmp_path) as server:
        tree.add(2)
        server.poll()
        assert (server.scale(), server.states()) == (2, {2: "AVAILABLE", 1: "END"})
        tree.remove(2)
        server.poll()
        assert (server.scale(), server.states()) == (1, {2: "END", 1: "AVAILABLE"})


def test_06_a_label_names_loaded_versions_only(tmp_path):
    tree = Tree(tmp_path)
    tree.add(1)
    tree.add(2)
    labels = {"stable": 1, "canary": 2, "next": 3}
    entry = {"scaled": {"policy": {"all": True}, "labels": labels}}
    with served(tmp_path, models=entry) as server:
        assert [server.scale(f"/labels/{name}") for name in ("stable", "canary")] == [1, 2]
        assert server.predict([ROW], path="/labels/next").status_code == 404
        model = server.core.manager.models["scaled"]
        with pytest.raises(Conflict, match="version 3, which is not loaded"):
            model.set_label("stable", 3)
        assert server.scale("/labels/stable") == 1
        tree.add(3)
        server.poll()
        assert server.scale("/labels/next") == 3
        tree.remove(3)
        server.poll()
        assert server.predict([ROW], path="/labels/next").status_code == 404


def test_07_a_version_is_warmed_up_before_it_is_available(tmp_path, monkeypatch):
    """While version 2 is loaded, version 1 answers; the golden call comes before the change."""
    tree = Tree(tmp_path)
    tree.add(1)
    with served(tmp_path) as server:
        states, warm_up = [], warmup.warm_up

        def record_states(*arguments):
            warm_up(*arguments)
            states.append((server.states(), server.scale()))

        monkeypatch.setattr(warmup, "warm_up", record_states)
        tree.add(2, x=[ROW], y=[[2, 4, 6]])
        server.poll()
        assert states == [({2: "LOADING", 1: "AVAILABLE"}, 1)]
        assert server.states() == {2: "AVAILABLE", 1: "END"}
        tree.add(3, x=[ROW], y=[[2, 4, 6]])  # it scales by 3
        server.poll()
        assert server.states() == {3: "END", 2: "AVAILABLE", 1: "END"}
        assert server.scale() == 2


def together(server, send, count: int, steps: int = 300) -> list[requests.Response]:
    """Responses to requests that arrive while the model is busy, and are therefore merged.

    Args:
        server: what serves them.
        send: the number of a request -> its response.
        count: how many.
        steps: for how long, in milliseconds, the model is busy.
    """
    with ThreadPoolExecutor(count + 1) as pool:
        busy = pool.submit(slow, server, steps)
        wait_for(lambda: metric_sum(server, "serving_batch_rows_count", signature="slow"))
        answers = list(pool.map(send, range(count)))
        assert busy.result().status_code == 200
    return answers


def slow(server, steps: int, **options) -> requests.Response:
    body = {"instances": [steps], "signature_name": "slow"}
    return server.post("/v1/models/scaled:predict", body, **options)


@pytest.fixture
def fresh_server(tree):
    """A server for one test, so that its counters start at 0."""
    with served(tree.root) as running_server:
        yield running_server


def calls(server, signature: str) -> int:
    return int(metric_sum(server, "serving_batch_rows_count", signature=signature))


def test_08_merged_and_split_answers_equal_single_ones(fresh_server):
    rng = np.random.default_rng(0)
    asked = [rng.normal(size=(rows, 3)).astype("f4") for rows in (1, 2, 3, 5, 1, 70, 1, 1, 4, 33)]
    answers = together(fresh_server, lambda i: fresh_server.predict(asked[i].tolist()), len(asked))
    assert calls(fresh_server, "serving_default") < len(asked)
    for rows, answer in zip(asked, answers, strict=True):
        merged = answer.json()["predictions"]
        singles = [fresh_server.predict([row.tolist()]).json()["predictions"][0] for row in rows]
        assert merged == singles
        assert np.array_equal(np.array([row["y"] for row in merged], "f4"), rows)


def test_09_a_poison_request_fails_alone(fresh_server):
    rows = [[float(i), 1.0, -1.0 if i in (3, 11) else 1.0] for i in range(16)]

    def send(i: int) -> requests.Response:
        return fresh_server.predict([rows[i]], signature_name="picky")

    answers = together(fresh_server, send, len(rows))
    merged = metric_sum(fresh_server, "serving_batch_rows_bucket", signature="picky", le="2.0")
    assert merged < calls(fresh_server, "picky"), "no requests were merged"
    for i, answer in enumerate(answers):
        if i in (3, 11):
            assert answer.status_code == 400
            assert answer.json() == {"error": "the model refuses this input: x: a negative number"}
        else:
            assert answer.json() == {"predictions": [rows[i]]}


def test_10_a_full_queue_refuses_at_once_and_a_passed_deadline_is_not_run(tree):
    with served(tree.root, batching={"queue": 4, "largest_batch": 4}) as server:
        with ThreadPoolExecutor(8) as pool:
            busy = pool.submit(slow, server, 1500)
            wait_for(lambda: calls(server, "slow"))
            late = pool.submit(slow, server, 1, headers={"X-Request-Timeout-Ms": "50"})
            assert late.result().status_code == 504
            waiting = [pool.submit(slow, server, 1) for _ in range(4)]
            wait_for(lambda: metric_sum(server, "serving_queued_rows", signature="slow") == 4)
            full = slow(server, 1)
            assert (full.status_code, list(full.json())) == (429, ["error"])
            assert not busy.done(), "it was refused after the wait, not at once"
            assert {future.result().status_code for future in [busy, *waiting]} == {200}
        assert metric_sum(server, "serving_batch_rows_sum", signature="slow") == 5
        assert metric_sum(server, "serving_requests_total", code="504") == 1


@pytest.mark.parametrize("path", ["/v1/models/scaled:predict", "/v2/models/scaled/infer"])
def test_10_a_request_of_a_disconnected_client_is_not_run(fresh_server, path):
    number = {"name": "steps", "shape": [1], "datatype": "INT32", "data": [1]}
    bodies = {
        "v1": {"instances": [1], "signature_name": "slow"},
        "v2": {"inputs": [number], "parameters": {"signature_name": "slow"}},
    }
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(slow, fresh_server, 3000)
        wait_for(lambda: calls(fresh_server, "slow"))
        client = http.client.HTTPConnection(fresh_server.addresses.rest.removeprefix("http://"))
        client.request("POST", path, json.dumps(bodies[path[1:3]]))
        wait_for(lambda: metric_sum(fresh_server, "serving_queued_rows", signature="slow") == 1)
        client.close()
        wait_for(lambda: metric_sum(fresh_server, "serving_queued_rows", signature="slow") == 0)
        assert not busy.done(), "it left the queue because it was run"
        assert busy.result().status_code == 200
    assert metric_sum(fresh_server, "serving_batch_rows_sum", signature="slow") == 1
    assert metric_sum(fresh_server, "serving_requests_total", code="499") == 1


BIG, DEEP = 1 << 21, "[" * 100_000
BAD = {
    "not JSON": ("{", 400), "empty": ("", 400), "not an object": ("[1]", 400),
    "not UTF-8": (b"\xff", 400),
    "NaN": ('{"instances": [[NaN, 1, 1]]}', 400), "infinite": ('{"inputs": [[1e999, 1, 1]]}', 400),
    "beyond float32": ({"instances": [[1e39, 1, 1]]}, 400), "deep": ('{"inputs": ' + DEEP, 400),
    "no rows": ({"instances": []}, 400), "no rows in columns": ({"inputs": []}, 400),
    "neither format": ({"signature_name": "picky"}, 400),
    "both": ({"instances": [1], "inputs": 1}, 400),
    "unknown key": ({"instances": [ROW], "examples": 1}, 400),
    "unknown input": ({"instances": [{"z": ROW}]}, 400),
    "row is null": ({"instances": [None]}, 400),
    "unknown signature": ({"instances": [ROW], "signature_name": "none"}, 404),
    "signature is not a text": ({"instances": [ROW], "signature_name": 1}, 404),
    "too few columns": ({"instances": [[1, 2]]}, 400), "too deep": ({"instances": [[ROW]]}, 400),
    "ragged": ({"instances": [ROW, [1]]}, 400), "mixed": ({"instances": [ROW, 1]}, 400),
    "text for number": ({"instances": [["a", 1, 1]]}, 400),
    "bool": ({"inputs": [[True, 1, 1]]}, 400),
    "too many rows": ({"instances": [ROW] * 65}, 413),
    "too many columns": ({"inputs": [ROW] * 65}, 413),
    "too large": (b"[" + b"1," * BIG, 413),
}  # fmt: skip
BAD_REPEATED = {
    "an input is missing": ({"inputs": {"text": ["a"]}}, 400),
    "not an object": ({"inputs": ["a"]}, 400), "row is not an object": ({"instances": ["a"]}, 400),
    "rows differ in names": ({"instances": [{"text": "a", "times": 1}, {"text": "a"}]}, 400),
    "columns differ in length": ({"inputs": {"text": ["a"], "times": [1, 2]}}, 400),
    "fraction for integer": ({"instances": [{"text": "a", "times": 1.5}]}, 400),
    "beyond int32": ({"instances": [{"text": "a", "times": 1 << 31}]}, 400),
    "number for text": ({"instances": [{"text": 1, "times": 1}]}, 400),
    "not base64": ({"instances": [{"text": {"b64": "?"}, "times": 1}]}, 400),
    "b64 is not a text": ({"instances": [{"text": {"b64": 1}, "times": 1}]}, 400),
    "long text": ({"instances": [{"text": "a" * 1001, "times": 1}]}, 413),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_11_an_invalid_request_is_refused(server, name):
    body, status = BAD[name]
    answer = server.post("/v1/models/scaled:predict", body)
    assert (answer.status_code, list(answer.json())) == (status, ["error"]), answer.text
    assert 0 < len(answer.json()["error"]) < 400


@pytest.mark.parametrize("name", BAD_REPEATED)
def test_11_an_invalid_request_with_several_inputs_is_refused(server, name):
    body, status = BAD_REPEATED[name]
    answer = server.post("/v1/models/scaled:predict", {**body, "signature_name": "repeated"})
    assert (answer.status_code, list(answer.json())) == (status, ["error"]), answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models/none", 404), ("GET", "/", 404),
        ("GET", "/v1/models/scaled/versions/9", 404),
        ("GET", "/v1/models/scaled/versions/x", 400), ("GET", "/v1/models/scaled:predict", 405),
        ("GET", "/v1/models/scaled/labels/x/metadata", 404), ("POST", "/v1/models/scaled", 405),
        ("POST", "/v1/models/none:predict", 404), ("POST", "/v1/models/scaled:classify", 501),
        ("GET", "/v2/models/none", 404), ("POST", "/v2/models/none/infer", 404),
        ("GET", "/v2/models/scaled/versions/9/ready", 404), ("PUT", "/v2/health/live", 405),
    ],
)  # fmt: skip
def test_11_every_refusal_is_an_error_in_json(server, method, path, status):
    answer = requests.request(method, server.url(path), json={"instances": [ROW], "inputs": []})
    if "predict" in path or "infer" in path:
        answer = requests.request(method, server.url(path), json={"inputs": []}, timeout=30)
    assert (answer.status_code, list(answer.json())) == (status, ["error"]), answer.text


GRPC_BAD = {
    "unknown model": ({"model": "none", "x": [ROW]}, "NOT_FOUND"),
    "unknown signature": ({"signature": "none", "x": [ROW]}, "NOT_FOUND"),
    "unknown input": ({"z": [ROW]}, "INVALID_ARGUMENT"), "empty": ({}, "INVALID_ARGUMENT"),
    "shape": ({"x": [[1.0]]}, "INVALID_ARGUMENT"), "type": ({"x": [["a"] * 3]}, "INVALID_ARGUMENT"),
    "NaN": ({"x": [[math.nan, 1.0, 1.0]]}, "INVALID_ARGUMENT"),
    "no rows": ({"x": np.zeros((0, 3), "f4")}, "INVALID_ARGUMENT"),
    "too many rows": ({"x": np.zeros((65, 3), "f4")}, "INVALID_ARGUMENT"),
}  # fmt: skip


@pytest.mark.parametrize("name", GRPC_BAD)
def test_11_grpc_refuses_the_same(server, name):
    values, code = GRPC_BAD[name]
    with pytest.raises(grpc.RpcError) as raised:
        stub(server).Predict(predict_request(values.pop("model", "scaled"), **values), timeout=30)
    assert raised.value.code().name == code, raised.value.details()


@pytest.mark.slow
def test_13_sigterm_answers_everything_that_was_accepted(tree):
    """Threads send requests until the server refuses connections; each one sent is answered."""
    command = [sys.executable, "-m", "serving", "--root", str(tree.root)]
    process = subprocess.Popen(
        [*command, "--rest-port", "0", "--grpc-port", "0"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    base = process.stdout.readline().split()[1]
    statuses, lock = [], threading.Lock()

    def send_requests() -> None:
        body = {"instances": [30], "signature_name": "slow"}
        while True:
            try:
                answer = requests.post(f"{base}/v1/models/scaled:predict", json=body, timeout=60)
            except requests.ConnectionError:
                return
            with lock:
                statuses.append(answer.status_code)

    threads = [threading.Thread(target=send_requests) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(statuses) > 20)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=60)
    for thread in threads:
        thread.join(60)
    assert process.returncode == 0, log
    entries = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    accepted = [entry["code"] for entry in entries if entry["operation"] == "predict"]
    assert set(statuses) == {200} == set(accepted)
    assert len(statuses) == len(accepted)


@pytest.mark.slow
def test_14_memory_does_not_grow_with_reloads(tmp_path):
    """Each version holds 4 MB; the last twenty, or forty, would be 80 MB or 160 if not freed."""
    tree, saved = Tree(tmp_path / "root", "heavy"), save_heavy(tmp_path / "saved")
    last = 50 if FULL else 30
    with served(tmp_path / "root") as server:
        sizes = []
        for version in range(1, last + 1):
            tree.add_copy(saved, version)
            server.poll()
            assert server.predict([1.0], "heavy").status_code == 200
            assert server.states("heavy")[version] == "AVAILABLE"
            if version > 1:
                tree.remove(version - 1)
            sizes.append(resident_bytes())
        server.poll()
        assert list(server.states("heavy")) == [last]
    assert sizes[-1] - sizes[9] < 60e6


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_15_counters_are_exact_under_concurrency(fresh_server):
    def send(i: int) -> int:
        rows = [ROW] * (i % 3 + 1) if i % 4 else [["not a number"]]
        return fresh_server.predict(rows).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(200)))
    sizes = [i % 3 + 1 for i in range(200) if i % 4]
    assert (statuses.count(200), statuses.count(400)) == (150, 50)
    labels = {"frontend": "rest", "operation": "predict", "model": "scaled"}
    assert metric_sum(fresh_server, "serving_requests_total", code="200", **labels) == 150
    assert metric_sum(fresh_server, "serving_requests_total", code="400", **labels) == 50
    assert metric_sum(fresh_server, "serving_request_seconds_count", **labels) == 200
    assert metric_sum(fresh_server, "serving_queue_seconds_count", model="scaled") == 150
    assert metric_sum(fresh_server, "serving_batch_rows_sum", model="scaled") == sum(sizes)
    assert metric_sum(fresh_server, "serving_queued_rows", model="scaled") == 0
    assert metric_sum(fresh_server, "serving_loads_total", outcome="loaded") == 1


def test_16_the_tensorflow_serving_client_works(server):
    predictions = stub(server)
    answer = predictions.Predict(predict_request("scaled", x=[ROW, ROW]), timeout=30)
    assert list(answer.outputs["y"].float_val) == [*ROW, *ROW]
    assert answer.model_spec.version.value == 1
    both = predict_request(
        "scaled", "repeated", text=np.array([b"a\xff", "é"], object), times=np.array([1, 2], "i4")
    )
    both.output_filter.append("raw_bytes")
    answer = predictions.Predict(both, timeout=30)
    assert tf.make_ndarray(answer.outputs["raw_bytes"]).tolist() == [b"a\xffa\xff", "éé".encode()]
    assert list(answer.outputs) == ["raw_bytes"]
    total = predict_request("scaled", "total", x=np.array([1, 2, 4.5]))
    assert tf.make_ndarray(predictions.Predict(total, timeout=30).outputs["sum"]) == 7.5


def test_16_grpc_metadata_and_status(server):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "scaled"
    metadata = stub(server).GetModelMetadata(request, timeout=30)
    definitions = get_model_metadata_pb2.SignatureDefMap()
    assert metadata.metadata["signature_def"].Unpack(definitions)
    assert set(definitions.signature_def) == {
        "serving_default", "picky", "repeated", "total", "slow"
    }  # fmt: skip
    body = server.get("/v1/models/scaled/metadata").json()["metadata"]["signature_def"]
    inputs = body["signature_def"]["serving_default"]["inputs"]
    assert inputs["x"]["dtype"] == "DT_FLOAT"
    assert [dim["size"] for dim in inputs["x"]["tensor_shape"]["dim"]] == ["-1", "3"]
    channel = grpc.insecure_channel(server.addresses.grpc)
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "scaled"
    response = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(status, timeout=30)
    assert [(v.version, v.state) for v in response.model_version_status] == [(1, 30)]


def test_16_grpc_health_follows_readiness(server):
    stub = health_pb2_grpc.HealthStub(grpc.insecure_channel(server.addresses.grpc))
    for service in ("", "tensorflow.serving.PredictionService"):
        request = health_pb2.HealthCheckRequest(service=service)
        assert stub.Check(request, timeout=30).status == health_pb2.HealthCheckResponse.SERVING
        first = next(stub.Watch(request, timeout=30))
        assert first.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as raised:
        stub.Check(health_pb2.HealthCheckRequest(service="none"), timeout=30)
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_model_without_a_version_makes_the_server_unready(tmp_path):
    tree = Tree(tmp_path)
    tree.add_broken(1)
    with served(tmp_path) as server:
        stub = health_pb2_grpc.HealthStub(grpc.insecure_channel(server.addresses.grpc))
        ready = [server.get(path) for path in ("/v2/health/ready", "/v2/models/scaled/ready")]
        assert [(r.status_code, list(r.json())) for r in ready] == [(503, ["error"])] * 2
        assert server.get("/v2/health/live").json() == {"live": True}
        status = stub.Check(health_pb2.HealthCheckRequest(), timeout=30).status
        assert status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert server.predict([ROW]).status_code == 503


def test_17_the_server_listens_on_loopback_only(server):
    assert Config().host == "127.0.0.1"
    ports = {int(url.rsplit(":")[-1]) for url in vars(server.addresses).values()}
    listening = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            host, port = address.split(":")
            if state == "0A" and int(port, 16) in ports:
                listening.setdefault(int(port, 16), set()).add(host)
    loopback = {"0100007F", "0000000000000000FFFF00000100007F"}  # IPv4 and IPv4 within IPv6
    assert listening.keys() == ports
    assert set().union(*listening.values()) <= loopback
