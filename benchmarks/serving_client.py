"""A client of `benchmarks/serving.py`: asks without pause and prints how long it went on and the
seconds of each answer.

Arguments: face (v1 or grpc), address, model, connections, seconds, files with bodies of V1. Both
faces do the same work for an answer: of a row as a program has it (a text, a file's bytes, an
array) a request is made, and of the answer values; a thread for each connection.
"""

import base64
import gc
import http.client
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np


def main() -> None:
    face, address, model, connections, seconds, *files = sys.argv[1:]
    rows = [row_of(Path(name)) for name in files]
    make = {"v1": rest, "grpc": grpc}[face]
    asks = [make(address, model, rows) for _ in range(int(connections))]
    for ask in asks:
        ask(0)
    gc.freeze()  # or the collector looks through all of TensorFlow, which only one of both has
    print("ready", flush=True)
    sys.stdin.readline()
    began, times = time.perf_counter(), []
    end = began + float(seconds)
    with ThreadPoolExecutor(len(asks)) as pool:
        for loading in [pool.submit(load, ask, end, times) for ask in asks]:
            loading.result()  # raises what a request raised
    print(json.dumps({"seconds": time.perf_counter() - began, "times": times}))


def load(ask, end: float, times: list[float]) -> None:
    number = 0
    while (began := time.perf_counter()) < end:
        ask(number)
        times.append(time.perf_counter() - began)
        number += 1


def row_of(path: Path) -> str | bytes | np.ndarray:
    (row,) = json.loads(path.read_bytes())["instances"]
    if isinstance(row, dict):
        return base64.b64decode(row["b64"])
    return row if isinstance(row, str) else np.array(row, np.float32)


def as_json(row: str | bytes | np.ndarray):
    if isinstance(row, bytes):
        return {"b64": base64.b64encode(row).decode()}
    return row if isinstance(row, str) else row.tolist()


def rest(address: str, model: str, rows: list):
    connection = http.client.HTTPConnection(address.removeprefix("http://"))

    def ask(number: int) -> None:
        body = json.dumps({"instances": [as_json(rows[number % len(rows)])]})
        connection.request("POST", f"/v1/models/{model}:predict", body)
        answer = connection.getresponse()
        json.loads(answer.read())
        assert answer.status == 200

    return ask


def grpc(address: str, model: str, rows: list):
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        predict_pb2,
        prediction_service_pb2_grpc,
    )

    # Connections of their own, or all stubs of a process would share one.
    channel = grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)])
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    about = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    about.model_spec.name = model
    definitions = get_model_metadata_pb2.SignatureDefMap()
    stub.GetModelMetadata(about).metadata["signature_def"].Unpack(definitions)
    (name,) = definitions.signature_def["serving_default"].inputs

    def ask(number: int) -> None:
        row = rows[number % len(rows)]
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        batch = row[None] if isinstance(row, np.ndarray) else [row]
        request.inputs[name].CopyFrom(tf.make_tensor_proto(batch))
        answer = stub.Predict(request)
        {key: tf.make_ndarray(value) for key, value in answer.outputs.items()}

    return ask


if __name__ == "__main__":
    main()
