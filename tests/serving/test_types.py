"""Every type of number, through every frontend and back."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tests.support.serving_trees import served

FLOATS = {"float16": "FP16", "bfloat16": "BF16", "float32": "FP32", "float64": "FP64"}
INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
DATATYPES = {**FLOATS, **{name: name.upper() for name in INTEGERS}, "bool": "BOOL"}
COMPLEX = ("complex64", "complex128")
EACH_TYPE = pytest.mark.parametrize("dtype", DATATYPES)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A model that returns its input, with a signature for each type."""
    module, signatures = tf.Module(), {}
    for dtype in (*DATATYPES, *COMPLEX):
        spec = tf.TensorSpec((None, 2), dtype, name="x")
        signatures[dtype] = tf.function(lambda x: {"y": tf.identity(x)}, input_signature=[spec])
    module.functions = signatures
    root = tmp_path_factory.mktemp("root")
    tf.saved_model.save(module, str(root / "echo/1"), signatures)
    with served(root) as running_server:
        yield running_server


def rows(dtype: str) -> list[list]:
    """Includes the ends of the type's range."""
    if dtype == "bool":
        return [[True, False], [False, True]]
    kind = tf.as_dtype(dtype)
    if dtype in FLOATS:
        return [[0.5, -2.0], [float(kind.max), float(kind.min)]]
    return [[1, 2], [int(kind.min), int(kind.max)]]


@EACH_TYPE
def test_over_json(server, dtype):
    answer = server.predict(rows(dtype), "echo", signature_name=dtype)
    assert answer.json() == {"predictions": rows(dtype)}


@EACH_TYPE
def test_over_the_open_inference_protocol(server, dtype):
    tensor = {"name": "x", "shape": [2, 2], "datatype": DATATYPES[dtype]}
    parameters = {"signature_name": dtype}
    body = {"inputs": [{**tensor, "data": sum(rows(dtype), [])}], "parameters": parameters}
    (output,) = server.post("/v2/models/echo/infer", body).json()["outputs"]
    assert output == {**tensor, "name": "y", "data": sum(rows(dtype), [])}


@pytest.mark.parametrize("dtype", [*DATATYPES, *COMPLEX])
def test_over_grpc(server, dtype):
    """As bytes, in typed fields, as the client sends it, and with one value for all elements."""
    values = rows(dtype) if dtype in DATATYPES else [[1 + 2j, -3j]]
    array = np.array(values, tf.as_dtype(dtype).as_numpy_dtype)
    channel = grpc.insecure_channel(server.addresses.grpc)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "echo", dtype

    def echo(proto):
        request.inputs["x"].CopyFrom(proto)
        return stub.Predict(request, timeout=30).outputs["y"]

    plain = tf.make_tensor_proto(array)  # the client's choice, which depends on the type
    shape = plain.tensor_shape
    in_bytes = type(plain)(dtype=plain.dtype, tensor_shape=shape, tensor_content=array.tobytes())
    in_fields = echo(in_bytes)
    assert not in_fields.tensor_content
    for answer in (in_fields, echo(in_fields), echo(plain)):
        echoed = tf.make_ndarray(answer)
        assert echoed.dtype == array.dtype
        assert np.array_equal(echoed, array)
    one_for_all = tf.make_tensor_proto(array[0, 0], dtype, shape=(3, 2))
    assert np.array_equal(tf.make_ndarray(echo(one_for_all)), np.full((3, 2), array[0, 0]))


@pytest.mark.parametrize("dtype", COMPLEX)
def test_types_that_json_lacks_are_refused(server, dtype):
    answer = server.predict([[1, 2]], "echo", signature_name=dtype)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
