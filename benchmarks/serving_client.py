"""A client of `benchmarks/serving.py`: asks without pause and prints the seconds of each answer.

Arguments: face (v1 or grpc), address, model, connections, seconds, files with bodies of V1.
"""

import base64
import http.client
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def main() -> None:
    face, address, model, connections, seconds, *files = sys.argv[1:]
    bodies = [Path(name).read_bytes() for name in files]
    make = {"v1": rest, "grpc": grpc}[face]
    asks = [make(address, model, bodies) for _ in range(int(connections))]
    for ask in asks:
        ask(0)
    print("ready", flush=True)
    sys.stdin.readline()
    end, times = time.perf_counter() + float(seconds), []
    with ThreadPoolExecutor(len(asks)) as pool:
        for loading in [pool.submit(load, ask, end, times) for ask in asks]:
            loading.result()  # raises what a request raised
    print(json.dumps(times))


def load(ask, end: float, times: list[float]) -> None:
    number = 0
    while (began := time.perf_counter()) < end:
        ask(number)
        times.append(time.perf_counter() - began)
        number += 1


def rest(address: str, model: str, bodies: list[bytes]):
    connection = http.client.HTTPConnection(address.removeprefix("http://"))

    def ask(number: int) -> None:
        connection.request("POST", f"/v1/models/{model}:predict", bodies[number % len(bodies)])
        answer = connection.getresponse()
        json.loads(answer.read())
        assert answer.status == 200

    return ask


def grpc(address: str, model: str, bodies: list[bytes]):
    import grpc
    import numpy as np
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
    requests = []
    for body in bodies:
        (row,) = json.loads(body)["instances"]
        row = base64.b64decode(row["b64"]) if isinstance(row, dict) else row
        rows = [row] if isinstance(row, str | bytes) else np.array([row], np.float32)
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        request.inputs[name].CopyFrom(tf.make_tensor_proto(rows))
        requests.append(request)

    def ask(number: int) -> None:
        answer = stub.Predict(requests[number % len(requests)])
        {key: tf.make_ndarray(value) for key, value in answer.outputs.items()}

    return ask


if __name__ == "__main__":
    main()
