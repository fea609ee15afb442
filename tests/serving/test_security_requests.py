"""Requests that are too large, or come from where they should not: refused before the model."""

import asyncio
import json
import socket
import threading
import time

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from prometheus_client.parser import text_string_to_metric_families
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.config import Config
from serving.core.budget import Budget
from serving.errors import QueueFull
from serving.rest import endpoints
from serving.rest.host_guard import HostGuard
from tests.support.serving_trees import ROW, Tree, served, write_signature

PREDICT = "/v1/models/scaled:predict"
LIMITS = {"body_bytes": 1 << 20, "in_flight_bytes": 2 << 20, "length": 100, "cells": 3000,
          "timeout_s": 3, "rows": 20_000}  # fmt: skip


class Lengths(tf.Module):
    """Needs memory for the square of a row's length, as attention does."""

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.int32, name="ids")])
    def pairs(self, ids):
        return {"sum": tf.reduce_sum(ids[:, :, None] * ids[:, None, :], axis=(1, 2))}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    Tree(root).add(1)
    for name in ("lengths", "short"):
        module = Lengths()
        signatures = {"serving_default": module.pairs}
        tf.saved_model.save(module, str(root / name / "1"), signatures)
    fields = {"serving_default": {"inputs": {"ids": {"max_length": 10}}}}
    write_signature(root / "short/1", signatures=fields)
    with served(root, limits=LIMITS) as running_server:
        yield running_server


def assert_refused(response: requests.Response, status: int) -> None:
    assert (response.status_code, list(response.json())) == (status, ["error"]), response.text


def metric(server, name: str, **labels: str) -> float:
    text = server.get("/monitoring/prometheus/metrics").text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@pytest.mark.parametrize(("model", "length"), [("lengths", 100), ("short", 10)])
def test_open_dimensions_have_a_limit_of_the_server_or_of_the_model(server, model, length):
    assert server.predict([[1] * length], model).json() == {"predictions": [length**2]}
    assert_refused(server.predict([[1] * (length + 1)], model), 413)
    tensor = {"name": "ids", "shape": [1, length + 1], "datatype": "INT32",
              "data": [1] * (length + 1)}  # fmt: skip
    assert_refused(server.post(f"/v2/models/{model}/infer", {"inputs": [tensor]}), 413)
    with pytest.raises(grpc.RpcError) as raised:
        call(server, model, ids=tf.make_tensor_proto(np.ones((1, length + 1), np.int32)))
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_rows_times_length_have_a_limit(server):
    assert server.predict([[1] * 100] * 30, "lengths").status_code == 200
    assert_refused(server.predict([[1] * 100] * 31, "lengths"), 413)


def call(server, model: str, signature: str = "", **tensors):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, proto in tensors.items():
        request.inputs[name].CopyFrom(proto)
    with grpc.insecure_channel(server.addresses.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        return stub.Predict(request, timeout=20)


def test_bytes_are_counted_after_a_string_was_repeated(server):
    text = tf.make_tensor_proto([b"a" * 10_000])
    times = tf.make_tensor_proto(np.ones(1000, np.int32))
    text.tensor_shape.dim[0].size = 1000
    with pytest.raises(grpc.RpcError, match="strings of 10000000 bytes"):
        call(server, "scaled", "repeated", text=text, times=times)
    text.tensor_shape.dim[0].size = times.tensor_shape.dim[0].size = 10
    times.tensor_content = times.tensor_content[:40]
    assert call(server, "scaled", "repeated", text=text, times=times).outputs


def test_unfinished_bodies_are_held_within_a_budget_for_all(server):
    """Three of almost a megabyte, of two that may be held; then all is as before."""
    host, port = server.addresses.rest.removeprefix("http://").split(":")
    size = 900_000
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
    connections = [socket.create_connection((host, int(port)), timeout=10) for _ in range(3)]
    for connection in connections:
        connection.sendall(head.encode() + b" " * (size - 1))
        time.sleep(0.3)
    assert server.predict([ROW]).status_code == 200
    connections[2].sendall(b" ")
    assert b" 429 " in connections[2].recv(1000)
    for connection in connections[:2]:
        assert b" 504 " in connection.recv(1000)  # the body did not arrive in time
        connection.close()
    assert server.core._budget.used == 0


def test_a_budget_takes_nothing_beyond_its_limit():
    budget = Budget(10)
    budget.take(10)
    with pytest.raises(QueueFull):
        budget.take(1)
    budget.give_back(4)
    assert budget.used == 6


def test_large_bodies_give_the_same_answers_and_leave_the_event_loop_free(server, monkeypatch):
    for module in ("tfserving_v1", "open_inference_v2"):
        monkeypatch.setattr(f"serving.rest.{module}.LARGE_BODY", 0)
    threads = set()
    parse = endpoints.parse_object

    def slow_parse(data, limits):
        threads.add(threading.current_thread())
        time.sleep(0.5)
        return parse(data, limits)

    monkeypatch.setattr("serving.rest.tfserving_v1.parse_object", slow_parse)
    waiting = threading.Thread(target=lambda: server.predict([ROW]))
    waiting.start()
    start = time.monotonic()
    assert server.get("/v2/health/live").status_code == 200
    assert time.monotonic() - start < 0.4
    waiting.join(10)
    assert server.scale() == 1
    assert_refused(server.post(PREDICT, "["), 400)
    assert_refused(server.predict([[1]]), 400)
    assert_refused(server.predict([ROW], "none"), 404)
    tensor = {"name": "x", "shape": [1, 3], "datatype": "FP32", "data": ROW}
    body = {"id": "a", "inputs": [tensor], "outputs": [{"name": "y"}]}
    answer = server.post("/v2/models/scaled/infer", body).json()
    assert (answer["id"], answer["outputs"][0]["data"]) == ("a", ROW)
    assert len(threads) >= 1


@pytest.mark.parametrize("request_id", [json.loads("[" * 300 + "]" * 300), 5, "a" * 2000])
def test_the_id_of_a_request_is_a_short_string(server, request_id):
    labels = {"operation": "infer", "code": "400"}
    before = metric(server, "serving_requests_total", **labels)
    tensor = {"name": "x", "shape": [1, 3], "datatype": "FP32", "data": ROW}
    body = {"id": request_id, "inputs": [tensor]}
    assert_refused(server.post("/v2/models/scaled/infer", body), 400)
    assert metric(server, "serving_requests_total", **labels) == before + 1


def test_what_a_client_names_is_echoed_in_part_only(server):
    name = "a" * 4000
    for path in (f"/v1/models/{name}", f"/v1/models/scaled/labels/{name}", f"/{name}"):
        response = server.get(path)
        assert_refused(response, 404)
        assert len(response.content) < 500


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403), ({"Host": "127.0.0.1.evil.example:8501"}, 403),
        ({"Host": "localhost"}, 200), ({"Host": "LOCALHOST:8501"}, 200), ({"Host": "[::1]:1"}, 200),
        ({"Host": ""}, 403), ({"Host": "10.0.0.1"}, 403),
        ({"Host": "localhost:1", "Origin": "http://localhost:1"}, 200),
        ({"Host": "localhost:1", "Origin": "http://localhost:2"}, 403),
        ({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403),
    ],
)  # fmt: skip
def test_hosts_and_origins(server, headers, status):
    response = server.post(PREDICT, {"instances": [ROW]}, headers=headers)
    assert response.status_code == status
    if status == 403:
        assert_refused(response, 403)


@pytest.mark.parametrize(
    ("values", "host", "origin", "status"),
    [
        ({"host": "0.0.0.0"}, b"10.0.0.1:80", None, 200),
        ({"host": "0.0.0.0"}, b"evil.example", None, 403),
        ({"allowed_hosts": ["Served.example"]}, b"served.example:80", None, 200),
        ({"allowed_hosts": ["*"]}, b"any.example", None, 200),
        ({"allowed_origins": ["https://a.example"]}, b"localhost", b"https://a.example", 200),
        ({"allowed_origins": ["https://a.example"]}, b"localhost", b"https://b.example", 403),
    ],
)
def test_hosts_and_origins_of_the_configuration(values, host, origin, status):
    statuses = []

    async def app(scope, receive, send):
        statuses.append(200)

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(b"host", host), *([(b"origin", origin)] if origin else [])]
    scope = {"type": "http", "method": "POST", "headers": headers}
    guard = HostGuard(app, Config(**values))
    for _ in range(2):  # the second time from what was checked before
        asyncio.run(guard(scope, None, send))
    assert statuses == [status, status]


def test_a_page_of_another_site_can_read_nothing_by_a_request_without_a_body(server):
    """Browsers send it, but withhold an answer without this header."""
    response = requests.get(
        server.url("/page/models"), headers={"Origin": "https://evil.example"}, timeout=10
    )
    assert "access-control-allow-origin" not in response.headers
