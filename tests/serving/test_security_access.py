"""Tokens and TLS, by REST and gRPC."""

import os
import subprocess
import time
from pathlib import Path

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving import config, page
from serving.core.tokens import Tokens
from serving.errors import Unauthorized
from tests.support.serving_trees import ROW, Tree, served
from tests.support.user_errors import user_error

TOKEN, OTHER = "a" * 32, "b" * 32
PREDICT = "/v1/models/scaled:predict"
BODY = {"instances": [ROW]}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    result = tmp_path_factory.mktemp("access")
    (result / "tokens").write_text(f"{TOKEN}\n\n")
    (result / "tokens").chmod(0o600)
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(result / "key.pem"), "-out", str(result / "certificate.pem")]
    subprocess.run([*command.split(), *subject, *files], check=True, capture_output=True)
    return result


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    tree = Tree(tmp_path_factory.mktemp("root"))
    tree.add(1)
    return tree.root


@pytest.fixture(scope="module")
def server(root, folder):
    with served(root, extra_routes=page.routes, token_file=folder / "tokens") as running_server:
        yield running_server


@pytest.mark.parametrize(
    "headers",
    [
        {}, bearer("c" * 32), bearer(TOKEN[:-1]), bearer(TOKEN + "a"), bearer(""),
        {"Authorization": f"Basic {TOKEN}"}, {"Authorization": TOKEN}, {"Authorization": "Bearer"},
        {"Authorization": "Bearer ü".encode()},
    ],
)  # fmt: skip
def test_without_a_valid_token_nothing_is_answered(server, headers):
    for method, path in (
        ("GET", "/v1/models/scaled"), ("POST", PREDICT), ("POST", "/v2/models/scaled/infer"),
        ("GET", "/v2/models/scaled/ready"), ("GET", "/page/models"), ("GET", "/v2"),
        ("GET", "/monitoring/prometheus/metrics"),
    ):  # fmt: skip
        response = requests.request(
            method, server.url(path), headers=headers, json=BODY, timeout=10
        )
        assert (response.status_code, list(response.json())) == (401, ["error"]), path
        assert response.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in response.text


def test_with_a_token_all_is_answered_and_health_without(server):
    assert server.post(PREDICT, BODY, headers=bearer(TOKEN)).status_code == 200
    assert server.post(PREDICT, BODY, headers={"Authorization": f"bearer  {TOKEN}"}).ok
    for path in ("/v2/health/live", "/v2/health/ready", "/", "/page/page.js", "/openapi.json"):
        assert server.get(path).status_code == 200, path
    described = server.get("/openapi.json").json()["paths"]
    assert "401" in described["/v1/models/{model}:predict"]["post"]["responses"]
    assert "401" not in described["/v2/health/live"]["get"]["responses"]


def test_tokens_by_grpc(server):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "scaled"
    with grpc.insecure_channel(server.addresses.grpc) as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        for metadata in ((), (("authorization", f"Bearer {OTHER}"),)):
            with pytest.raises(grpc.RpcError) as raised:
                stub.GetModelStatus(request, metadata=metadata, timeout=10)
            assert raised.value.code() == grpc.StatusCode.UNAUTHENTICATED
        metadata = (("authorization", f"Bearer {TOKEN}"),)
        assert stub.GetModelStatus(request, metadata=metadata, timeout=10).model_version_status
        health = health_pb2_grpc.HealthStub(channel)
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=10).status == 1


def test_a_changed_file_of_tokens_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr("serving.core.tokens.CHECK_INTERVAL_S", 0)
    path = tmp_path / "tokens"
    path.write_text(TOKEN)
    tokens = Tokens(path)
    tokens.check(f"Bearer {TOKEN}")
    path.write_text(f"{TOKEN}\n{OTHER}\n")
    tokens.check(f"Bearer {TOKEN}")
    tokens.check(f"Bearer {OTHER}")
    path.write_text(f"{OTHER}\n")
    os.utime(path, ns=(1, 1))
    with pytest.raises(Unauthorized):
        tokens.check(f"Bearer {TOKEN}")
    path.write_text("short\n")
    tokens.check(f"Bearer {OTHER}")
    path.unlink()
    tokens.check(f"Bearer {OTHER}")


def test_the_file_of_tokens_is_looked_at_once_a_second(tmp_path, monkeypatch):
    path = tmp_path / "tokens"
    path.write_text(TOKEN)
    tokens, looks = Tokens(path), []
    monkeypatch.setattr("serving.core.tokens.file_state", looks.append)
    start = time.monotonic()
    for _ in range(100):
        tokens.check(f"Bearer {TOKEN}")
    assert len(looks) <= 1 + time.monotonic() - start


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"host": "0.0.0.0"}, "authentication-missing"),
        ({"host": "192.0.2.1"}, "authentication-missing"),
        ({"host": "::"}, "authentication-missing"),
        ({"host": "served.example"}, "authentication-missing"),
        ({"key": "key.pem"}, "certificate-incomplete"),
        ({"certificate": "certificate.pem"}, "certificate-incomplete"),
        ({"certificate": "none.pem", "key": "key.pem"}, "file-unreadable"),
        ({"certificate": "tokens", "key": "key.pem"}, "certificate-invalid"),
        ({"certificate": "certificate.pem", "key": "tokens"}, "certificate-invalid"),
    ],
)
def test_what_would_be_open_or_cannot_be_encrypted_is_refused(folder, values, code):
    files = {"key", "certificate"} & set(values)
    with user_error(code):
        config.build({**values, **{name: folder / values[name] for name in files}}, "test")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.2"])
def test_loopback_needs_no_token(host):
    assert config.build({"host": host}, "test").token_file is None


def test_beyond_loopback_with_a_token_or_by_request(folder):
    config.build({"host": "0.0.0.0", "token_file": folder / "tokens"}, "test")
    config.build({"host": "0.0.0.0", "without_authentication": True}, "test")


@pytest.mark.parametrize("content", ["", "\n\n", "short", b"\xff" * 40])
def test_files_without_a_long_token_are_refused(tmp_path, content):
    path = tmp_path / "tokens"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with user_error("tokens-invalid", path=str(path)):
        Tokens(path)
    with user_error("file-unreadable"):
        Tokens(tmp_path / "none")


def test_tls_by_rest_and_grpc(root, folder):
    files = {"certificate": folder / "certificate.pem", "key": folder / "key.pem"}
    with served(root, token_file=folder / "tokens", **files) as server:
        assert server.addresses.rest.startswith("https://127.0.0.1:")
        body = {"instances": [[1.0] * 3] * 1000}
        response = requests.post(
            server.url(PREDICT), json=body, headers=bearer(TOKEN), timeout=10,
            verify=files["certificate"],
        )  # fmt: skip
        assert len(response.json()["predictions"]) == 1000
        with pytest.raises(requests.RequestException):
            requests.get(server.url("/v2/health/live").replace("https", "http"), timeout=10)
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "scaled"
        request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.ones((1, 3), np.float32)))
        credentials = grpc.ssl_channel_credentials(Path(files["certificate"]).read_bytes())
        with grpc.secure_channel(server.addresses.grpc, credentials) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            metadata = (("authorization", f"Bearer {TOKEN}"),)
            assert stub.Predict(request, metadata=metadata, timeout=10).outputs
