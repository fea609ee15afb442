"""The project's exported models behind both frontends, with clients of other projects."""

import base64
import json
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
import tritonclient.http as triton
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.servables import repository, warmup
from tests.support.serving_trees import served

EXPORTED = Path(__file__).parents[2] / "data/exported"


def one_of_each_task() -> dict[str, Path]:
    folders = {}
    for path in sorted(EXPORTED.glob("*/signature.json")):
        folders.setdefault(json.loads(path.read_text("utf-8"))["task"], path.parent)
    return folders


MODELS = one_of_each_task()
pytestmark = pytest.mark.skipif(not MODELS, reason="nothing is exported; `make repro` does")
EACH_MODEL = pytest.mark.parametrize("model", [path.name for path in MODELS.values()])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    for folder in MODELS.values():
        assert repository.publish(folder, root, folder.name).new
    with served(root) as running_server:
        yield running_server


@pytest.fixture
def example(model) -> tuple[str, list, dict]:
    """(name of the input, its rows, the expected outputs)."""
    golden = json.loads((EXPORTED / model / "golden.json").read_text("utf-8"))
    ((name, rows),) = golden["inputs"].items()
    return name, rows, golden["outputs"]


def raw(rows: list) -> np.ndarray:
    """As a client in Python has them: bytes for images."""
    if isinstance(rows[0], dict):
        return np.array([base64.b64decode(row["b64"]) for row in rows], object)
    if isinstance(rows[0], str):
        return np.array([row.encode() for row in rows], object)
    return np.array(rows, np.float32)


@EACH_MODEL
def test_rest_answers_golden_rows_in_rows_and_columns(server, model, example):
    name, rows, expected_outputs = example
    predictions = server.predict(rows, model).json()["predictions"]
    columns = server.post(f"/v1/models/{model}:predict", {"inputs": {name: rows}}).json()["outputs"]
    if len(expected_outputs) == 1:
        (output,) = expected_outputs
        predictions, columns = [{output: row} for row in predictions], {output: columns}
    for output, expected in expected_outputs.items():
        assert warmup.matches(as_array([row[output] for row in predictions]), expected)
        assert warmup.matches(as_array(columns[output]), expected)


def as_array(values: list) -> np.ndarray:
    return np.array(values, object if isinstance(next(leaves(values)), str) else np.float32)


@EACH_MODEL
def test_the_tensorflow_serving_client_gets_the_golden_answers(server, model, example):
    name, rows, expected_outputs = example
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.inputs[name].CopyFrom(tf.make_tensor_proto(raw(rows)))
    channel = grpc.insecure_channel(server.addresses.grpc)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    response = stub.Predict(request, timeout=60)
    assert set(response.outputs) == set(expected_outputs)
    for output, expected in expected_outputs.items():
        assert warmup.matches(tf.make_ndarray(response.outputs[output]), expected)


@EACH_MODEL
@pytest.mark.parametrize("binary", [True, False])
def test_a_v2_client_gets_the_golden_answers(server, model, example, binary):
    name, rows, expected_outputs = example
    if not binary and isinstance(rows[0], dict):
        pytest.skip("the protocol has no bytes in JSON: images are sent as binary data")
    client = triton.InferenceServerClient(server.addresses.rest.removeprefix("http://"))
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)
    array = raw(rows)
    (metadata,) = client.get_model_metadata(model)["inputs"]
    assert metadata["name"] == name
    tensor = triton.InferInput(name, array.shape, metadata["datatype"])
    tensor.set_data_from_numpy(array, binary_data=binary)
    outputs = [
        triton.InferRequestedOutput(output, binary_data=binary) for output in expected_outputs
    ]
    result = client.infer(model, [tensor], outputs=outputs, request_id="7")
    response = result.get_response()
    assert (response["id"], response["model_version"]) == ("7", "1")
    for output, expected in expected_outputs.items():
        values = result.as_numpy(output)
        assert warmup.matches(values, expected), output


@EACH_MODEL
def test_batched_equals_single(server, model, example):
    _, rows, _ = example
    together = server.predict(rows, model).json()["predictions"]
    for row, expected in zip(rows, together, strict=True):
        (single,) = server.predict([row], model).json()["predictions"]
        for value, merged in zip(leaves(single), leaves(expected), strict=True):
            assert value == (merged if isinstance(value, str) else pytest.approx(merged, abs=1e-4))


def leaves(value):
    if isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


def test_a_file_that_is_not_an_image_is_refused(server):
    model = MODELS["image_classification"].name
    answer = server.predict([{"b64": base64.b64encode(b"not an image").decode()}], model)
    sentence = "the model refuses this input: image_bytes: not a JPEG or PNG file"
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})
