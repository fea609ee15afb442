"""The served translator: raw strings in, translation and score out; or ids in, ids out."""

from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text

from pipelines.evaluation.bootstrap import weights
from pipelines.inference.beam_search import BeamSearchConfig, search
from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing import text_limits
from pipelines.preprocessing.sentencepiece import END, PADDING, Subwords
from pipelines.spec import DataSpec
from pipelines.tasks.translation.metrics import Outputs, score
from pipelines.tasks.translation.serve_classical import estimator_endpoints

__all__ = [
    "KINDS", "REQUIRES", "endpoints", "estimator_endpoints", "outputs", "score", "sizes", "weights"
]  # fmt: skip

REQUIRES = ("tensorflow_text",)  # to be imported before loading: its operations are in the graph
KINDS = {"text": "text", "source": "ids", "translation": "text", "ids": "ids", "score": "score"}


class GraphSubwords(tf.Module):
    """`sentencepiece.Subwords` in the graph: the same C++ code with the same model."""

    def __init__(self, subwords: Subwords, max_tokens: int):
        super().__init__()
        self.tokenizer = tensorflow_text.SentencepieceTokenizer(subwords.model)
        self.max_tokens = max_tokens

    def encode(self, text):
        """(B,) strings -> (B, max_tokens) ids, END included; longer texts are cut."""
        text = tf.strings.substr(text, 0, text_limits.max_bytes(self.max_tokens))
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
        ids = self.tokenizer.tokenize(text)[:, : self.max_tokens - 1]
        ends = tf.fill((ids.nrows(), 1), END)
        return tf.concat([ids, ends], axis=1).to_tensor(0, shape=(None, self.max_tokens))

    def decode(self, ids):
        """(B, L) ids -> (B,) strings, of the ids before END or padding."""
        is_open = tf.cast(tf.logical_and(ids != END, ids != PADDING), tf.int32)
        before_end = tf.cast(tf.math.cumprod(is_open, axis=1), tf.bool)
        return self.tokenizer.detokenize(tf.ragged.boolean_mask(ids, before_end))


class Translator(tf.Module):
    """The served graph and what it needs: saved together."""

    def __init__(self, model, spec: DataSpec, assets: Path, decision: DecisionRule):
        super().__init__()
        self.model = model
        width = spec.inputs["source"].shape[0]
        self.subwords = GraphSubwords(Subwords.load(assets), width)
        config = BeamSearchConfig.from_rule(decision, width)
        self.search = lambda source: search(model.get_layer("translator"), source, config)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def translate(self, text):
        ids, scores = self.search(self.subwords.encode(text))
        return {"translation": self.subwords.decode(ids), "score": scores}

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.int32, name="source")])
    def translate_ids(self, source):
        """For clients that tokenize by themselves, and servers without tensorflow_text.

        Source ids end with END and are padded with 0; so are the ids of the translation. At most
        `max_tokens` of them: attention needs memory for the square of their number.
        """
        limit = self.subwords.max_tokens
        short = tf.debugging.Assert(
            tf.shape(source)[1] <= limit, [f"source: more than {limit} ids"]
        )
        with tf.control_dependencies([short]):
            source = tf.identity(source)
        ids, scores = self.search(source)
        return {"ids": ids, "score": scores}


def sizes(spec: DataSpec, assets: Path) -> dict[str, dict[str, int]]:
    """{input: its limits in signature.json}. A longer text is cut, more ids are refused."""
    (max_tokens,) = spec.inputs["source"].shape
    return {
        "text": {"max_bytes": text_limits.max_bytes(max_tokens)},
        "source": {"max_length": max_tokens},
    }


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    module = Translator(model, spec, assets, decision)
    return module, {"serving_default": module.translate, "ids": module.translate_ids}


def outputs(answer: dict[str, np.ndarray], spec: DataSpec) -> Outputs:
    """What the endpoint answered, in the form that `score` takes."""
    return Outputs([text.decode("utf-8") for text in answer["translation"]], answer["score"])
