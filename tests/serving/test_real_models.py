"""The project's own exported models behind both faces, asked by clients that others wrote."""

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
    found = {}
    for path in sorted(EXPORTED.glob("*/signature.json")):
        found.setdefault(json.loads(path.read_text("utf-8"))["task"], path.parent)
    return found


MODELS = one_of_each_task()
pytestmark = pytest.mark.skipif(not MODELS, reason="nothing is exported; `make repro` does")
EACH = pytest.mark.parametrize("model", [path.name for path in MODELS.values()])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    for folder in MODELS.values():
        assert repository.publish(folder, root, folder.name).new
    with served(root) as found:
        yield found


@pytest.fixture
def example(model) -> tuple[str, list, dict]:
    """(name of the input, its rows, the answers to expect)."""
    found = json.loads((EXPORTED / model / "golden.json").read_text("utf-8"))
    ((name, rows),) = found["inputs"].items()
    return name, rows, found["outputs"]


def raw(rows: list) -> np.ndarray:
    """As a client in Python has them: bytes for pictures."""
    if isinstance(rows[0], dict):
        return np.array([base64.b64decode(row["b64"]) for row in rows], object)
    if isinstance(rows[0], str):
        return np.array([row.encode() for row in rows], object)
    return np.array(rows, np.float32)


@EACH
def test_rest_answers_golden_rows_in_rows_and_columns(server, model, example):
    name, rows, answers = example
    found = server.predict(rows, model).json()["predictions"]
    columns = server.post(f"/v1/models/{model}:predict", {"inputs": {name: rows}}).json()["outputs"]
    if len(answers) == 1:
        (output,) = answers
        found, columns = [{output: row} for row in found], {output: columns}
    for output, expected in answers.items():
        assert warmup.matches(as_array([row[output] for row in found]), expected)
        assert warmup.matches(as_array(columns[output]), expected)


def as_array(values: list) -> np.ndarray:
    return np.array(values, object if isinstance(values[0], str) else np.float32)


@EACH
def test_the_tensorflow_serving_client_gets_the_golden_answers(server, model, example):
    name, rows, answers = example
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.inputs[name].CopyFrom(tf.make_tensor_proto(raw(rows)))
    channel = grpc.insecure_channel(server.addresses.grpc)
    found = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=60)
    assert set(found.outputs) == set(answers)
    for output, expected in answers.items():
        assert warmup.matches(tf.make_ndarray(found.outputs[output]), expected)


@EACH
@pytest.mark.parametrize("binary", [True, False])
def test_a_v2_client_gets_the_golden_answers(server, model, example, binary):
    name, rows, answers = example
    if not binary and isinstance(rows[0], dict):
        pytest.skip("JSON of the protocol has texts, no bytes: pictures go as binary data")
    client = triton.InferenceServerClient(server.addresses.rest.removeprefix("http://"))
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)
    array = raw(rows)
    (about,) = client.get_model_metadata(model)["inputs"]
    assert about["name"] == name
    given = triton.InferInput(name, array.shape, about["datatype"])
    given.set_data_from_numpy(array, binary_data=binary)
    wanted = [triton.InferRequestedOutput(output, binary_data=binary) for output in answers]
    found = client.infer(model, [given], outputs=wanted, request_id="7")
    assert (found.get_response()["id"], found.get_response()["model_version"]) == ("7", "1")
    for output, expected in answers.items():
        values = found.as_numpy(output)
        assert warmup.matches(values, expected), output


@EACH
def test_batched_equals_single(server, model, example):
    _, rows, _ = example
    together = server.predict(rows, model).json()["predictions"]
    for row, expected in zip(rows, together, strict=True):
        (found,) = server.predict([row], model).json()["predictions"]
        for one, other in zip(leaves(found), leaves(expected), strict=True):
            assert one == (other if isinstance(one, str) else pytest.approx(other, abs=1e-4))


def leaves(value):
    if isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


def test_a_file_that_is_no_picture_is_refused_in_a_sentence(server):
    model = MODELS["image_classification"].name
    answer = server.predict([{"b64": base64.b64encode(b"no picture").decode()}], model)
    sentence = "the model refuses this input: image_bytes: not a JPEG or PNG file"
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})
