"""signature.json and golden.json: their schema version, and answers of nested strings."""

import json

import grpc
import numpy as np
import pytest
import tensorflow as tf
import tritonclient.http as triton
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.errors import LoadError
from serving.servables import servable, version_files, warmup
from tests.support.serving_trees import served, write_golden, write_signature

SUFFIXES = ["s", "ed"]
TEXTS = ["look", "été"]
NEIGHBOURS = [["looks", "looked"], ["étés", "étéed"]]  # (rows, k)
SIMILARITIES = [[0.75, 0.5], [0.75, 0.5]]


class Words(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def neighbours(self, text):
        rows = tf.shape(text)[0]
        suffixes = tf.tile(tf.constant([SUFFIXES]), [rows, 1])  # (rows, k)
        return {
            "neighbours": tf.strings.join([tf.repeat(text[:, None], 2, axis=1), suffixes]),
            "similarities": tf.tile(tf.constant([SIMILARITIES[0]]), [rows, 1]),
        }


def golden_outputs(neighbours: list[list[str]] = NEIGHBOURS) -> dict[str, list]:
    return {"neighbours": neighbours, "similarities": SIMILARITIES}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    module = Words()
    tf.saved_model.save(module, str(folder / "words/1"), {"serving_default": module.neighbours})
    outputs = {"neighbours": {"kind": "ranking"}, "similarities": {"kind": "score"}}
    write_signature(folder / "words/1", signatures={"serving_default": {"outputs": outputs}})
    write_golden(folder / "words/1", {"text": TEXTS}, golden_outputs())
    return folder


@pytest.fixture(scope="module")
def server(root):
    with served(root) as running_server:
        assert running_server.states("words") == {1: "AVAILABLE"}
        yield running_server


def test_nested_strings_in_rows_and_columns(server):
    predictions = server.predict(TEXTS, "words").json()["predictions"]
    assert [row["neighbours"] for row in predictions] == NEIGHBOURS
    body = {"inputs": {"text": TEXTS}}
    columns = server.post("/v1/models/words:predict", body).json()["outputs"]
    assert columns == golden_outputs()


@pytest.mark.parametrize("binary", [True, False])
def test_nested_strings_over_the_open_inference_protocol(server, binary):
    client = triton.InferenceServerClient(server.addresses.rest.removeprefix("http://"))
    tensor = triton.InferInput("text", [2], "BYTES")
    tensor.set_data_from_numpy(np.array([text.encode() for text in TEXTS], object), binary)
    output = triton.InferRequestedOutput("neighbours", binary_data=binary)
    strings = client.infer("words", [tensor], outputs=[output]).as_numpy("neighbours")
    assert strings.shape == (2, 2)
    assert warmup.matches(strings, NEIGHBOURS)


def test_nested_strings_over_grpc(server):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "words"
    request.inputs["text"].CopyFrom(tf.make_tensor_proto(TEXTS))
    channel = grpc.insecure_channel(server.addresses.grpc)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    strings = tf.make_ndarray(stub.Predict(request, timeout=30).outputs["neighbours"])
    assert strings.shape == (2, 2)
    assert warmup.matches(strings, NEIGHBOURS)


def test_warm_up_compares_nested_strings(root):
    version = root / "words/1"
    signatures = servable.load(version).signatures
    golden = {"inputs": {"text": TEXTS}}
    for neighbours in ([["looks", "looked"], ["étés", "other"]], [["looks"], ["étés"]]):
        with pytest.raises(LoadError, match="neighbours differs from golden.json"):
            warmup.check_golden(
                signatures["serving_default"],
                {**golden, "outputs": golden_outputs(neighbours)},
                version,
            )
    with pytest.raises(LoadError, match="unknown, which is not an output"):
        warmup.check_golden(
            signatures["serving_default"], {**golden, "outputs": {"unknown": []}}, version
        )


@pytest.mark.parametrize("name", ["signature.json", "golden.json"])
@pytest.mark.parametrize(("schema_version", "shown"), [(None, "none"), (2, "2"), ("1", "'1'")])
def test_another_schema_version_is_refused(tmp_path, name, schema_version, shown):
    folder = tmp_path / "spam_cnn/7"
    folder.mkdir(parents=True)
    content = {} if schema_version is None else {"schema_version": schema_version}
    (folder / name).write_text(json.dumps(content))
    with pytest.raises(LoadError) as raised:
        version_files.read_signature(folder)
        version_files.read_golden(folder)
    message = str(raised.value)
    assert str(folder / name) in message
    assert f"found {shown}, accepted {version_files.SCHEMA_VERSION}" in message
    assert "export@spam_cnn" in message


def test_a_version_of_another_publisher_needs_neither_file(tmp_path):
    assert version_files.read_signature(tmp_path) is None
    assert version_files.read_golden(tmp_path) is None


def test_a_model_with_an_old_file_is_not_served_and_shows_the_reason(root, tmp_path):
    module = Words()
    folder = tmp_path / "words/1"
    tf.saved_model.save(module, str(folder), {"serving_default": module.neighbours})
    (folder / "signature.json").write_text('{"task": "word_neighbours"}')
    with served(tmp_path) as server:
        (status,) = server.get("/v1/models/words").json()["model_version_status"]
        assert status["state"] == "END"
        assert "schema_version: found none" in status["status"]["error_message"]
