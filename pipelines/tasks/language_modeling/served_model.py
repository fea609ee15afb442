"""A served language model: prompts in, continuations out; texts in, their scores out.

Signatures (b rows):

    serving_default  prompt -> completion, tokens, finish_reason, log_probability; the most probable
                     token at each step
    generate         the same, drawn at random, by parameters of each row
    score            text -> log_likelihood, tokens, characters, bits_per_character
"""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from pipelines.inference import sampling
from pipelines.inference.sampling import SamplingSettings
from pipelines.preprocessing import documents
from pipelines.spec import DataSpec
from pipelines.tasks.language_modeling.graph_documents import GraphDocuments, cut_at_stops

COMPLETION_TOKENS = 32  # of serving_default
MAX_TOKENS = 1024  # of a completion, whatever is asked for
GENERATE = [
    tf.TensorSpec((None,), dtype, name=name)
    for name, dtype in (
        ("prompt", tf.string), ("max_tokens", tf.int32), ("temperature", tf.float32),
        ("top_k", tf.int32), ("top_p", tf.float32), ("seed", tf.int64),
    )
]  # fmt: skip
GENERATE.append(tf.TensorSpec((None, None), tf.string, name="stop"))


class ServedDecoder(Protocol):
    """What is needed of a model; ids are those of the data set, and 0 begins a document."""

    def start(self, ids: tf.RaggedTensor) -> tuple[Any, tf.Tensor]:
        """(B, None) ids of prompts -> the state before their last token, and (B,) that token."""
        ...

    def step(self, ids: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
        """(B,) ids -> (B, V) logits of the next, and the state."""
        ...

    def nats(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """(B, None) ids of documents -> (B,) float64 sums of -log p over their tokens."""
        ...


class Writable(tf.Module):
    """A decoder that never draws what cannot be written: padding, and a word that is unknown.

    Args:
        model: a `ServedDecoder`.
        is_written: (V,) bool.
    """

    def __init__(self, model: ServedDecoder, is_written: tf.Tensor):
        super().__init__()
        self.model, self.is_written = model, is_written

    def step(self, ids, index, state):
        logits, state = self.model.step(ids, state)
        return tf.where(self.is_written, logits, tf.constant(-np.inf, logits.dtype)), state


class LanguageModel(tf.Module):
    """The served graph and what it needs: saved together.

    Args:
        decoder: a `ServedDecoder`.
        spec: of the data set.
        assets: the folder with its vocabulary.
    """

    def __init__(self, decoder, spec: DataSpec, assets: Path):
        super().__init__()
        self.documents = GraphDocuments(documents.load(assets))
        self.decoder = Writable(decoder, self.documents.is_written)
        self.end = spec.task_metadata["end"]

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="prompt")])
    def complete(self, prompt):
        rows = tf.shape(prompt)[0]
        settings = SamplingSettings.same(rows, tf.zeros((rows,), tf.int64), temperature=0.0)
        length, stops = tf.fill((rows,), COMPLETION_TOKENS), tf.fill((rows, 1), "")
        return self._continue(prompt, settings, length, stops)

    @tf.function(input_signature=GENERATE)
    def generate(self, prompt, max_tokens, temperature, top_k, top_p, seed, stop):
        settings = SamplingSettings(temperature, top_k, top_p, seed)
        return self._continue(prompt, settings, max_tokens, stop)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def score(self, text):
        ids = self.documents.encode(text)
        likelihood = -self.decoder.model.nats(ids)
        characters = tf.strings.length(text, unit="UTF8_CHAR")
        bits = tf.math.divide_no_nan(-likelihood, tf.cast(characters, tf.float64) * np.log(2))
        return {
            "log_likelihood": likelihood,
            "tokens": tf.cast(ids.row_lengths(), tf.int32),
            "characters": characters,
            "bits_per_character": bits,
        }

    def _continue(self, prompt, settings: SamplingSettings, max_tokens, stops):
        state, last = self.decoder.model.start(self.documents.encode(prompt))
        drawn = sampling.extend(
            self.decoder.step, state, last, settings, max_tokens, self.end, MAX_TOKENS
        )
        ids = tf.RaggedTensor.from_tensor(drawn.ids, drawn.lengths)
        text, stopped = cut_at_stops(self.documents.decode(ids), stops)
        return {
            "completion": text,
            "tokens": drawn.lengths,
            "finish_reason": tf.where(drawn.ended | stopped, "stop", "length"),
            "log_probability": drawn.log_probabilities,
        }


def endpoints_of(decoder: ServedDecoder, spec: DataSpec, assets: Path):
    """(module to save, {signature name: function})."""
    module = LanguageModel(decoder, spec, assets)
    return module, {
        "serving_default": module.complete, "generate": module.generate, "score": module.score
    }  # fmt: skip
