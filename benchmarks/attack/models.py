"""Small models with the preprocessing of the project's own: two of each, one to be attacked."""

import io
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

WIDTH = 40  # tokens of a text
ATTACKED = ("images", "texts", "ids")
OTHERS = ("numbers", "photos", "sentences")  # which the client beside the attack sends requests to
SENTENCES = ("a first sentence of a few words", "another one, which is longer than the first")


def write(root: Path) -> None:
    """The repository: a version 1 of ATTACKED and OTHERS."""
    import tensorflow as tf

    from pipelines.preprocessing import sentencepiece, text_limits
    from pipelines.preprocessing.image_decoding import MAX_PIXELS, Reader
    from pipelines.tasks.image_classification.graph_reader import GraphReader
    from pipelines.tasks.translation.serve import GraphSubwords

    class Images(tf.Module):
        def __init__(self):
            super().__init__()
            self.reader = GraphReader(Reader(28, 28, 1))

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="image_bytes")])
        def call(self, image_bytes):
            return {"mean": tf.reduce_mean(tf.cast(self.reader(image_bytes), tf.float32), (1, 2))}

    class Texts(tf.Module):
        def __init__(self):
            super().__init__()
            learned = sentencepiece.learn(SENTENCES * 20, 60, "bpe", "nmt_nfkc")
            self.subwords = GraphSubwords(learned, WIDTH)

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
        def call(self, text):
            return {"ids": self.subwords.encode(text)}

    class Ids(tf.Module):
        """Attention over any number of ids: memory for the square of their number."""

        @tf.function(input_signature=[tf.TensorSpec((None, None), tf.int32, name="source")])
        def call(self, source):
            values = tf.cast(source, tf.float32)
            weights = tf.nn.softmax(values[:, :, None] * values[:, None, :])
            return {"sum": tf.reduce_sum(weights @ values[:, :, None], axis=(1, 2))}

    class Numbers(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
        def call(self, x):
            return {"y": x * 2.0}

    text_size = {"text": {"kind": "text", "max_bytes": text_limits.max_bytes(WIDTH)}}
    image_size = {"image_bytes": {"kind": "image", "max_pixels": MAX_PIXELS}}
    modules = {
        "images": (Images, image_size), "photos": (Images, image_size), "texts": (Texts, text_size),
        "sentences": (Texts, text_size), "numbers": (Numbers, {}),
        "ids": (Ids, {"source": {"max_length": WIDTH}}),
    }  # fmt: skip
    for name, (kind, sizes) in modules.items():
        module, folder = kind(), root / name / "1"
        tf.saved_model.save(module, str(folder), {"serving_default": module.call})
        signature = {
            "schema_version": 1, "requires": ["tensorflow_text"] if kind is Texts else [],
            "signatures": {"serving_default": {"inputs": sizes}},
        }  # fmt: skip
        (folder / "signature.json").write_text(json.dumps(signature), "utf-8")


def image(height: int, width: int, kind: str = "PNG", *, noise: bool = False, **options) -> bytes:
    """A file. noise: random pixels, which compress badly. options: of Pillow's `save`."""
    pixels = np.zeros((height, width, 3), np.uint8)
    if noise:
        pixels = np.random.default_rng(0).integers(0, 255, pixels.shape, np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def with_scans(jpeg: bytes, count: int) -> bytes:
    """With further scans, which hold no data: each is the head of its last one."""
    start = jpeg.rindex(b"\xff\xda")
    length = 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big")
    return jpeg[:-2] + jpeg[start : start + length] * count + jpeg[-2:]
