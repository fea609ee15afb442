"""No request, however malformed, is answered with a server error."""

import http.client
import json

import grpc
import hypothesis.strategies as st
import pytest
import requests
import schemathesis
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as openapi_checks
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.rest.endpoints import TIMEOUT
from tests.support import text_models
from tests.support.serving_trees import ROW, Tree, served
from tests.support.sizes import scaled

# Of each form; of gRPC; for each operation.
BODIES, MESSAGES, CASES = scaled(400), scaled(1000), scaled(80)
REQUESTS = scaled(10_000)
CHECKS = [
    not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]
NAMES = st.sampled_from(
    ["x", "y", "text", "times", "b64", "name", "shape", "data", "datatype", "parameters"]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["FP32", "BYTES", "INT32", "YQ==", 1 << 31, 1 << 64, 1e39, -1, 0])
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
SIGNATURES = st.sampled_from(["serving_default", "picky", "repeated", "total"]) | SCALARS
V1 = st.fixed_dictionaries(
    {}, optional={"instances": VALUES, "inputs": VALUES, "signature_name": SIGNATURES, "z": SCALARS}
)
V1_NEARLY = st.fixed_dictionaries(
    {"instances": st.lists(st.lists(SCALARS | st.floats(width=32), min_size=3, max_size=3))}
)
V2_INPUT = st.fixed_dictionaries(
    {"name": st.just("x") | VALUES, "datatype": st.just("FP32") | SCALARS, "data": VALUES},
    optional={
        "shape": st.just([1, 3]) | VALUES,
        "parameters": VALUES | st.fixed_dictionaries({"binary_data_size": SCALARS}),
    },
)
V2 = st.fixed_dictionaries(
    {"inputs": VALUES | st.lists(V2_INPUT, max_size=2)},
    optional={
        "id": VALUES, "outputs": VALUES,
        "parameters": VALUES | st.fixed_dictionaries({"signature_name": SIGNATURES}),
    },
)  # fmt: skip


NEARLY = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False) | SCALARS, min_size=3)
V2_NEARLY = st.builds(
    lambda shape, data, output: {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": shape, "data": data}],
        "outputs": [output],
    },
    st.sampled_from([[1, 3], [2, 3], [3, 1], [3], [0, 3]]),
    st.sampled_from([[1, 2, 3], [[1.5, 2, 3]], [1] * 6]) | NEARLY,
    st.sampled_from([{"name": "y"}, {"name": "y", "parameters": {"binary_data": True}}, {}]),
)


FORMS = (V1, V1_NEARLY, V2, V2_NEARLY)
PARAMETERS = st.dictionaries(
    st.sampled_from(["max_tokens", "temperature", "seed", "stop", "stream", "top_k", "prompt"]),
    VALUES, max_size=3,
)  # fmt: skip
TEXTS = st.fixed_dictionaries(
    {"text_input": st.text(max_size=8) | VALUES},
    optional={"parameters": PARAMETERS | VALUES, "id": SCALARS},
)


def fuzz(examples: int):
    quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=quiet
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    tree = Tree(tmp_path_factory.mktemp("root"))
    tree.add(1)
    text_models.save(tree.root / "writer/1")
    with served(tree.root) as running_server:
        yield running_server


class Sender:
    """One connection, opened again when the server closes it."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection(server.addresses.rest.removeprefix("http://"))

    def post(self, path: str, body: bytes, **headers) -> None:
        try:
            answer, data = self.exchange(path, body, headers)
        except (ConnectionError, http.client.RemoteDisconnected):
            # The server closes idle connections; a request that breaks it would fail again.
            self.connection.close()
            answer, data = self.exchange(path, body, headers)
        assert answer.status < 500, data
        is_event_stream = answer.headers["content-type"].startswith("text/event-stream")
        assert answer.status == 200 or list(json.loads(data)) == ["error"]
        assert not is_event_stream or b'"finish_reason"' in data

    def exchange(self, path: str, body: bytes, headers: dict) -> tuple:
        self.connection.request("POST", path, body, headers)
        answer = self.connection.getresponse()
        return answer, answer.read()


def encoded(value) -> bytes:
    """NaN and Infinity included, which Python writes and JSON does not know."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


@pytest.mark.slow
def test_12_no_body_of_at_least_10_000_gives_a_5xx(server):
    sender = Sender(server)
    for strategy in (st.binary(max_size=40), *(form.map(encoded) for form in FORMS)):
        given(strategy, st.sampled_from([None, None, None, 0, 50, 1000]))(posting(sender))()
    given(TEXTS.map(encoded))(writing(sender))()
    over_grpc(server)
    described(server)
    assert server.predict([ROW]).status_code == 200  # it still answers
    text = requests.get(server.url("/monitoring/prometheus/metrics"), timeout=30).text
    counts = [line.rsplit(" ", 1) for line in text.splitlines() if "requests_total{" in line]
    for labels_part in ('code="200",frontend="rest"', 'code="OK",frontend="grpc"'):
        assert any(labels_part in labels and "predict" in labels for labels, _ in counts)
    assert sum(float(count) for _, count in counts) > REQUESTS
    assert not [labels for labels, _ in counts if 'code="5' in labels or "INTERNAL" in labels]


def posting(sender: Sender):
    @fuzz(BODIES)
    def post(body: bytes, length: int | None) -> None:
        header = {} if length is None else {"Inference-Header-Content-Length": str(length)}
        sender.post("/v1/models/scaled:predict", body)
        sender.post("/v1/models/scaled/versions/1:predict", body)
        sender.post("/v2/models/scaled/infer", body)
        sender.post("/v2/models/scaled/versions/1/infer", body, **header)

    return post


def writing(sender: Sender):
    @fuzz(BODIES)
    def post(body: bytes) -> None:
        sender.post("/v2/models/writer/generate", body)
        sender.post("/v2/models/writer/versions/1/generate_stream", body)

    return post


def over_grpc(server) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(
        grpc.insecure_channel(server.addresses.grpc)
    )

    @fuzz(MESSAGES)
    @given(st.data())
    def predict(data) -> None:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "scaled"
        request.model_spec.signature_name = data.draw(
            st.sampled_from(["", "picky", "repeated", "total", "none"])
        )
        if data.draw(st.booleans()):  # a request that only its numbers can make invalid
            array = data.draw(st.lists(st.floats(width=32), min_size=3, max_size=3))
            tensor = request.inputs["x"]
            tensor.CopyFrom(tf.make_tensor_proto([array], tf.float32))
        for name in data.draw(st.lists(st.sampled_from(["x", "text", "times", "z"]), max_size=3)):
            tensor = request.inputs[name]
            tensor.dtype = data.draw(st.integers(0, 25) | st.sampled_from([1, 2, 3, 7]))
            for size in data.draw(st.lists(st.integers(-1, 3) | st.just(2**62), max_size=3)):
                tensor.tensor_shape.dim.add(size=size)
            tensor.float_val.extend(data.draw(st.lists(st.floats(width=32), max_size=4)))
            tensor.int_val.extend(data.draw(st.lists(st.integers(-5, 5), max_size=4)))
            tensor.string_val.extend(data.draw(st.lists(st.binary(max_size=4), max_size=4)))
            tensor.tensor_content = data.draw(st.binary(max_size=24))
        try:
            stub.Predict(request, timeout=30)
        except grpc.RpcError as error:
            code = error.code().name
            assert code in ("INVALID_ARGUMENT", "NOT_FOUND"), (code, error.details())

    predict()
    valid = predict_pb2.PredictRequest()
    valid.model_spec.name = "scaled"
    valid.inputs["x"].CopyFrom(tf.make_tensor_proto([ROW], tf.float32))
    assert stub.Predict(valid, timeout=30).outputs


def described(server) -> None:
    """Requests that schemathesis generates from the server's OpenAPI description."""
    schema = schemathesis.openapi.from_url(server.url("/openapi.json"))
    session = requests.Session()
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.endswith((":classify", ":regress")):
            continue  # 501 is their only answer

        @fuzz(CASES)
        @given(case=operation.as_strategy(), known=st.booleans())
        def call(case, known: bool) -> None:
            if known and "model" in (case.path_parameters or {}):
                writes = "generate" in case.path
                case.path_parameters["model"] = "writer" if writes else "scaled"
                if "version" in case.path_parameters:
                    case.path_parameters["version"] = "1"
            if case.headers:
                case.headers.pop(TIMEOUT, None)  # with a millisecond 504 is a correct answer
            case.call_and_validate(session=session, checks=CHECKS)

        call()


def test_the_description_names_every_route(server):
    paths = requests.get(server.url("/openapi.json"), timeout=30).json()["paths"]
    assert {"/v1/models/{model}:predict", "/v2/models/{model}/infer", "/openapi.json"} <= set(paths)
    for path, methods in paths.items():
        filled = path.format(model="scaled", version="1", label="none")
        allowed = requests.request("TRACE", server.url(filled), timeout=30).headers["Allow"]
        assert {method.upper() for method in methods} == set(allowed.split(", ")) - {"HEAD"}
