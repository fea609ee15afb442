"""A client of `benchmarks/serving.py`: sends requests without pause and prints their times.

Arguments: frontend (v1, grpc or stream), address, model, connections, seconds, files with bodies.
V1 and gRPC do the same work for a request: it is made from a row as a program has it (a text, a
file's bytes, an array), and its answer is decoded to values. Of a stream every event is decoded.
Each connection has a thread.
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
    frontend, address, model, connections, seconds, *files = sys.argv[1:]
    make = {"v1": rest_sender, "grpc": grpc_sender, "stream": stream_sender}[frontend]
    read = Path.read_bytes if frontend == "stream" else row_of
    rows = [read(Path(name)) for name in files]
    senders = [make(address, model, rows) for _ in range(int(connections))]
    for send in senders:
        send(0)
    gc.freeze()  # otherwise collections scan TensorFlow, which only one of the two imports
    print("ready", flush=True)
    sys.stdin.readline()
    started_at, times = time.perf_counter(), []
    end = started_at + float(seconds)
    with ThreadPoolExecutor(len(senders)) as pool:
        for task in [pool.submit(load, send, end, times) for send in senders]:
            task.result()  # raises the error of a request
    print(json.dumps({"seconds": time.perf_counter() - started_at, "times": times}))


def load(send, end: float, times: list[float]) -> None:
    number = 0
    while (started_at := time.perf_counter()) < end:
        send(number)
        times.append(time.perf_counter() - started_at)
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


def rest_sender(address: str, model: str, rows: list):
    connection = http.client.HTTPConnection(address.removeprefix("http://"))

    def send(number: int) -> None:
        body = json.dumps({"instances": [as_json(rows[number % len(rows)])]})
        connection.request("POST", f"/v1/models/{model}:predict", body)
        answer = connection.getresponse()
        json.loads(answer.read())
        assert answer.status == 200

    return send


def stream_sender(address: str, model: str, bodies: list[bytes]):
    connection = http.client.HTTPConnection(address.removeprefix("http://"))

    def send(number: int) -> None:
        body = bodies[number % len(bodies)]
        connection.request("POST", f"/v2/models/{model}/generate_stream", body)
        answer = connection.getresponse()
        events = [json.loads(line[6:]) for line in answer if line.startswith(b"data: ")]
        assert "finish_reason" in events[-1], events[-1]

    return send


def grpc_sender(address: str, model: str, rows: list):
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        predict_pb2,
        prediction_service_pb2_grpc,
    )

    # A separate connection for each stub; by default those of a process share one.
    channel = grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)])
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    metadata_request = get_model_metadata_pb2.GetModelMetadataRequest(
        metadata_field=["signature_def"]
    )
    metadata_request.model_spec.name = model
    definitions = get_model_metadata_pb2.SignatureDefMap()
    stub.GetModelMetadata(metadata_request).metadata["signature_def"].Unpack(definitions)
    (name,) = definitions.signature_def["serving_default"].inputs

    def send(number: int) -> None:
        row = rows[number % len(rows)]
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        batch = row[None] if isinstance(row, np.ndarray) else [row]
        request.inputs[name].CopyFrom(tf.make_tensor_proto(batch))
        answer = stub.Predict(request)
        {key: tf.make_ndarray(value) for key, value in answer.outputs.items()}

    return send


if __name__ == "__main__":
    main()
