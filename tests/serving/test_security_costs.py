"""Images that cost much to decode, long texts, and compressed bodies: limited before the model."""

import asyncio
import base64
import gzip
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from pipelines.preprocessing import gif_files
from serving.batching.batcher import Batcher
from serving.config import Batching, Limits
from serving.core.image_cost import image_cost
from serving.core.inputs import image_share
from serving.errors import BadRequest, TooLarge
from serving.rest import bodies
from serving.servables.signature import TensorSpec
from tests.support.images import jpeg, png, with_scans
from tests.support.serving_trees import ROW, Tree, served, write_signature

LIMITS = {"body_bytes": 1 << 20, "image_pixels": 10_000, "image_work": 100_000, "timeout_s": 20}
MAX_BYTES = 50
IMAGE = TensorSpec("image_bytes", np.dtype(object), (), batched=True, max_pixels=8000)


class Strings(tf.Module):
    """The length of each string, and the height of each image."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def lengths(self, text):
        return {"length": tf.strings.length(text)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="image_bytes")])
    def heights(self, image_bytes):
        def height(file):
            return tf.shape(tf.io.decode_image(file, expand_animations=False))[0]

        return {"height": tf.map_fn(height, image_bytes, tf.int32)}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    Tree(root).add(1)
    module = Strings()
    tf.saved_model.save(
        module, str(root / "strings/1"),
        {"serving_default": module.lengths, "images": module.heights},
    )  # fmt: skip
    sizes = {"serving_default": {"text": {"max_bytes": MAX_BYTES}},
             "images": {"image_bytes": {"max_pixels": 8000}}}  # fmt: skip
    fields = {name: {"inputs": inputs} for name, inputs in sizes.items()}
    write_signature(root / "strings/1", signatures=fields)
    with served(root, limits=LIMITS) as running_server:
        yield running_server


def heights(server, *images: bytes):
    """The status and the content of the answer, by REST."""
    rows = [{"b64": base64.b64encode(image).decode()} for image in images]
    response = server.predict(rows, "strings", signature_name="images")
    return response.status_code, response.json()


def by_grpc(server, signature: str, name: str, values: list[bytes], rows: int):
    """Strings, the last of which is repeated to so many rows."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "strings", signature
    request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    request.inputs[name].tensor_shape.dim[0].size = rows
    with grpc.insecure_channel(server.addresses.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        return stub.Predict(request, timeout=20).outputs


@pytest.mark.parametrize("make", [png, jpeg])
def test_pixels_are_limited_by_the_model_and_the_server_before_decoding(server, make):
    assert heights(server, make(80, 100)) == (200, {"predictions": [80]})
    assert heights(server, make(80, 101))[0] == 413
    assert heights(server, make(80, 100), make(2000, 2000))[0] == 413
    for values, rows in (([make(80, 101)], 1), ([make(8, 8), make(80, 101)], 3)):
        with pytest.raises(grpc.RpcError) as raised:
            by_grpc(server, "images", "image_bytes", values, rows)
        assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    tensor = {"name": "image_bytes", "shape": [1], "datatype": "BYTES",
              "data": [{"b64": base64.b64encode(make(80, 101)).decode()}]}  # fmt: skip
    body = {"inputs": [tensor], "parameters": {"signature_name": "images"}}
    assert server.post("/v2/models/strings/infer", body).status_code == 413


def test_scans_of_a_jpeg_are_limited_before_decoding(server):
    image = jpeg(80, 100, progressive=True)
    scans = image_cost(image).scans
    assert scans > 5
    assert heights(server, image) == (200, {"predictions": [80]})
    assert heights(server, with_scans(image, LIMITS["image_work"] // 8000 - scans))[0] == 200
    assert heights(server, with_scans(image, LIMITS["image_work"] // 8000 - scans + 1))[0] == 413


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"exif": b"Exif\0\0" + b"\xff" * 99}]
)
@pytest.mark.parametrize("size", [(1, 1), (37, 1000), (65500, 2)])
def test_the_size_of_an_image_is_what_pillow_reads(size, options):
    cost = image_cost(jpeg(*size, **options))
    assert cost.pixels == size[0] * size[1]
    assert (cost.scans == 1) == ("progressive" not in options)
    assert image_cost(png(*size)).pixels == size[0] * size[1]


@pytest.mark.parametrize("frames", [2, 9])
def test_a_gif_costs_its_screen_times_its_frames_and_not_much_more(frames):
    shown = np.random.default_rng(1).integers(0, 256, (frames, 30, 40, 1)).astype(np.uint8)
    pixels = image_cost(gif_files.encode(shown)).pixels
    assert frames * 1200 <= pixels <= (frames + 4) * 1200
    video = replace(IMAGE, name="video_bytes", max_pixels=None)
    with pytest.raises(TooLarge):
        image_share(gif_files.encode(shown), video, Limits(image_pixels=frames * 1200 - 1))


@pytest.mark.parametrize("fill", [b"\xff", b"\xff\xff\x00\x00", b"\xff\xd0", b"\xff\xfe\0\2", b"x"])
def test_the_size_is_seen_behind_what_decoders_pass_over(fill):
    image = jpeg(30, 40)
    hidden = image[:2] + fill * 20 + image[2:]
    assert image_cost(hidden).pixels == 1200
    if fill != b"x":
        start = time.monotonic()
        with pytest.raises(BadRequest):
            image_cost(image[:2] + fill * 500_000 + image[2:])
        assert time.monotonic() - start < 1


def test_headers_without_a_size_cost_nothing():
    for data in (b"\xff\xd8", b"\xff\xd8\xff", jpeg(9, 9)[:20], png(9, 9)[:20], b"\xff\xd8" * 9):
        assert image_cost(data).pixels == 0


def test_the_share_of_an_image_in_a_call():
    limits = Limits(image_pixels=10_000, image_work=40_000)
    assert image_share(png(50, 100), IMAGE, limits) == 0.5
    assert image_share(with_scans(jpeg(50, 100), 5), IMAGE, limits) == 0.75
    for image in (png(90, 100), with_scans(jpeg(50, 100), 8)):
        with pytest.raises(TooLarge):
            image_share(image, IMAGE, limits)


def test_rows_that_take_a_large_share_are_split_over_several_calls():
    """Small requests wait for one row of a large one, not for all of them."""
    calls = []

    def call(inputs):
        calls.append(inputs["x"].tolist())
        return dict(inputs)

    async def scenario():
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(call, executor, Batching(largest_batch=8, wait_s=0.1))
            deadline = time.monotonic() + 20
            tasks = [
                batcher({"x": np.array(values)}, len(values), deadline, share)
                for values, share in (([1, 2, 3, 4, 5], 0.4), ([6], 1.0), ([7, 8], 0.0))
            ]
            return [result["x"].tolist() for result in await asyncio.gather(*tasks)]

    assert asyncio.run(scenario()) == [[1, 2, 3, 4, 5], [6], [7, 8]]
    costs = {**dict.fromkeys((1, 2, 3, 4, 5), 0.4), 6: 1.0, 7: 0.125, 8: 0.125}
    assert all(sum(costs[value] for value in values) <= 1 for values in calls)
    assert len(calls) < 6


def test_texts_are_cut_to_what_the_model_reads(server):
    for length in (0, 49, 50, 51, 500_000):
        answer = server.predict(["x" * length, "y"], "strings")
        assert answer.json() == {"predictions": [min(length, MAX_BYTES), 1]}
    lengths = by_grpc(server, "", "text", [b"x" * 51, b"y" * 900], 1000)["length"]
    assert list(lengths.int_val) == [50] * 1000
    assert server.core._budget.used == 0


ENCODINGS = {
    "gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes,
    "GZIP": gzip.compress, "": bytes,
}  # fmt: skip
BODY = b'{"instances": [[1, 2, 3]]}'


def post_encoded(server, data: bytes, encoding: str, path: str = "/v1/models/scaled:predict"):
    return server.post(path, data, headers={"Content-Encoding": encoding})


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bodies_are_decompressed(server, encoding):
    answer = post_encoded(server, ENCODINGS[encoding](BODY), encoding)
    assert answer.json()["predictions"][0]["y"] == ROW
    large = BODY + b" " * 900_000
    assert post_encoded(server, ENCODINGS[encoding](large), encoding).json() == answer.json()
    assert server.core._budget.used == 0


def test_deflate_without_the_header_of_zlib_is_accepted(server):
    raw = zlib.compressobj(wbits=-15)
    assert post_encoded(server, raw.compress(BODY) + raw.flush(), "deflate").status_code == 200


def test_binary_data_may_be_compressed_as_well(server):
    head = (b'{"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", '
            b'"parameters": {"binary_data_size": 12}}]}')  # fmt: skip
    data = head + np.array(ROW, np.float32).tobytes()
    headers = {"Content-Encoding": "gzip", "Inference-Header-Content-Length": str(len(head))}
    answer = server.post("/v2/models/scaled/infer", gzip.compress(data, mtime=0), headers=headers)
    assert answer.json()["outputs"][0]["data"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_bombs_are_refused_after_a_few_pieces(server, encoding):
    compress = zlib.compressobj(wbits=31 if encoding == "gzip" else 15)
    bomb = b"".join(compress.compress(bytes(1 << 20)) for _ in range(300)) + compress.flush()
    stream = bodies.Decompressor(bomb, bodies.ENCODINGS[encoding], 1 << 20)
    with pytest.raises(TooLarge):
        stream.decompress(1 << 30)
    assert stream.size <= (1 << 20) + bodies.PIECE
    start = time.monotonic()
    assert post_encoded(server, bomb, encoding).status_code == 413
    assert time.monotonic() - start < 5
    assert server.core._budget.used == 0


@pytest.mark.parametrize(
    ("data", "encoding", "status"),
    [
        (BODY, "gzip", 400), (gzip.compress(BODY, mtime=0)[:-4], "gzip", 400),
        (gzip.compress(BODY, mtime=0) + b"x", "gzip", 400),
        (gzip.compress(BODY, mtime=0) * 2, "gzip", 400),
        (b"", "gzip", 400), (zlib.compress(BODY), "gzip", 400), (BODY, "br", 415),
        (gzip.compress(BODY, mtime=0), "gzip, gzip", 415),
        (gzip.compress(bytes(200_000))[:150], "gzip", 400),
    ],
)  # fmt: skip
def test_bodies_that_are_not_what_they_say_are_refused(server, data, encoding, status):
    answer = post_encoded(server, data, encoding)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


@pytest.mark.parametrize("change", ["", "lines", "spaces", "no padding", "both"])
def test_base64_is_accepted_as_tensorflow_serving_accepts_it(server, change):
    image = png(5, 7)
    text = base64.b64encode(image + b"\0" * (2 - len(image) % 3)).decode()
    assert text.endswith("=")
    if change in ("lines", "both"):
        text = "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76)) + "\n"
    if change == "spaces":
        text = f" {text[:9]} \t{text[9:]}"
    if change in ("no padding", "both"):
        text = text.replace("=", "")
    answer = server.predict([{"b64": text}], "strings", signature_name="images")
    assert answer.json() == {"predictions": [5]}


@pytest.mark.parametrize("text", ["a", "abc-", "ab=c", "äbcd", "abcde"])
def test_what_is_no_base64_is_refused(server, text):
    assert server.predict([{"b64": text}], "strings").status_code == 400


def test_null_fields_of_v2_are_absent(server):
    tensor = {"name": "x", "shape": [1, 3], "datatype": "FP32", "data": ROW, "parameters": None}
    body = {"id": None, "inputs": [tensor], "outputs": None, "parameters": None}
    answer = server.post("/v2/models/scaled/infer", body)
    assert answer.status_code == 200 and "id" not in answer.json()
    body["outputs"] = [{"name": "y", "parameters": None}]
    assert server.post("/v2/models/scaled/infer", body).json()["outputs"][0]["data"] == ROW
