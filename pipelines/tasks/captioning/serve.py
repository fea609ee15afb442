"""The served captioner: JPEG or PNG bytes in, a caption out.

Signatures (b rows):

    serving_default  image_bytes -> caption, score
    tokens           -> caption, score, tokens: (b, T) what the caption is made of, "▁" where a word
                     begins, "" behind the last one; of networks alone
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.evaluation.bootstrap import weights
from pipelines.inference.beam_search import BeamSearchConfig, search
from pipelines.inference.decision import DecisionRule
from pipelines.preparation.image_captions import RAW, READER_FILE
from pipelines.preprocessing import image_decoding
from pipelines.preprocessing.sentencepiece import END, PADDING, SPACE_MARK, Subwords
from pipelines.spec import DataSpec
from pipelines.tasks.captioning.decoder import ImageDecoder
from pipelines.tasks.captioning.metrics import Outputs, score
from pipelines.tasks.captioning.serve_classical import estimator_endpoints
from pipelines.tasks.image_classification.graph_reader import GraphReader

__all__ = ["KINDS", "endpoints", "estimator_endpoints", "outputs", "score", "sizes", "weights"]

KINDS = {RAW: "image", "caption": "text", "score": "score", "tokens": "labels"}
FILES = tf.TensorSpec((None,), tf.string, name=RAW)


class GraphTokens(tf.Module):
    """`Subwords.decode` in the graph, by a table of the pieces.

    A piece begins with SPACE_MARK where a word does; a caption has none that are unknown, since the
    search leaves these out.
    """

    def __init__(self, subwords: Subwords):
        super().__init__()
        pieces = subwords.pieces(range(subwords.size))
        written = [
            piece if text else "" for piece, text in zip(pieces, subwords.texts, strict=True)
        ]
        self.pieces = tf.constant(written)

    def tokens(self, ids):
        """(B, T) ids -> (B, T) strings; "" from the end on."""
        is_open = tf.cast(tf.logical_and(ids != END, ids != PADDING), tf.int32)
        before_end = tf.math.cumprod(is_open, axis=1) > 0
        return tf.where(before_end, tf.gather(self.pieces, ids), "")

    def text(self, tokens):
        """(B, T) strings -> (B,)."""
        joined = tf.strings.reduce_join(tokens, axis=1)
        return tf.strings.strip(tf.strings.regex_replace(joined, SPACE_MARK, " "))


class Captioner(tf.Module):
    """The served graph and what it needs: saved together.

    Args:
        model: of models/captioning.py.
        spec: of the data.
        assets: the folder with the image reader and the vocabulary.
        decision: the settings of the beam search.
    """

    def __init__(self, model, spec: DataSpec, assets: Path, decision: DecisionRule):
        super().__init__()
        self.model = model  # its variables are saved with this module
        self.reader = GraphReader(image_decoding.Reader.load(assets / READER_FILE))
        self.written = GraphTokens(Subwords.load(assets))
        self.config = BeamSearchConfig.from_rule(decision, spec.target.shape[0])
        decoder = ImageDecoder(model)
        self.search = lambda images: search(decoder, images, self.config)

    @tf.function(input_signature=[FILES])
    def caption(self, image_bytes):
        ids, scores = self.search(self.reader(image_bytes))
        return {"caption": self.written.text(self.written.tokens(ids)), "score": scores}

    @tf.function(input_signature=[FILES])
    def tokens(self, image_bytes):
        ids, scores = self.search(self.reader(image_bytes))
        tokens = self.written.tokens(ids)
        return {"caption": self.written.text(tokens), "score": scores, "tokens": tokens}


def sizes(spec: DataSpec, assets: Path) -> dict[str, dict[str, int]]:
    """{input: its limits in signature.json}. A larger image is refused."""
    reader = image_decoding.Reader.load(assets / READER_FILE)
    return {RAW: {"max_pixels": reader.max_pixels}}


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    module = Captioner(model, spec, assets, decision)
    return module, {"serving_default": module.caption, "tokens": module.tokens}


def outputs(answer: Mapping[str, np.ndarray], spec: DataSpec) -> Outputs:
    """What the endpoint answered, in the form that `score` takes."""
    return Outputs([text.decode("utf-8") for text in answer["caption"]], answer["score"])
