"""A served language model that counts: prompts in, continuations out; texts in, their scores out.

Signatures (b rows):

    serving_default  prompt -> completion, tokens, finish_reason, log_probability; the most probable
                     token at each step
    generate         the same, drawn at random, by parameters of each row
    score            text -> log_likelihood, tokens, characters, bits_per_character
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.inference import sampling
from pipelines.inference.sampling import SamplingConfig
from pipelines.preprocessing import documents
from pipelines.preprocessing.tokenization import UNKNOWN, Tokenizer
from pipelines.spec import DataSpec
from pipelines.tasks.language_modeling.graph_documents import GraphDocuments, cut_at_stops
from pipelines.tasks.language_modeling.ngram_graph import NgramGraph

COMPLETION_TOKENS = 32  # of serving_default
GENERATE = [
    tf.TensorSpec((None,), dtype, name=name)
    for name, dtype in (
        ("prompt", tf.string), ("max_tokens", tf.int32), ("temperature", tf.float32),
        ("top_k", tf.int32), ("top_p", tf.float32), ("seed", tf.int64),
    )
]  # fmt: skip
GENERATE.append(tf.TensorSpec((None, None), tf.string, name="stop"))


class NgramDecoder(tf.Module):
    """A decoder over an n-gram model; its ids are those of the data set, with 0 for BEGIN.

    The state is the history before the last token, (B, order - 2) or empty.
    """

    def __init__(self, graph: NgramGraph):
        super().__init__()
        self.graph = graph

    def start(self, ids: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(state, last token) of prompts, (B, None) int32 ids."""
        begun = tf.concat([tf.zeros((ids.nrows(), 1), tf.int32), ids], axis=1)
        longest = max(self.graph.order - 1, 1)
        before = -tf.ones((ids.nrows(), longest), tf.int32)  # nothing comes before BEGIN
        history = tf.concat([before, begun], axis=1)[:, -longest:].to_tensor(shape=(None, longest))
        return history[:, :-1], history[:, -1]

    def step(self, ids: tf.Tensor, index: tf.Tensor, state: tf.Tensor):
        """(B, V + 1) logits of the next token, and the state one token later."""
        history = tf.concat([state, ids[:, None]], axis=1)
        tokens, begin = tf.cast(history, tf.int64), tf.constant(self.graph.size, tf.int64)
        tokens = tf.where(tokens > 0, tokens - 1, tf.where(tokens == 0, begin, -1))
        needed = tf.shape(tokens)[1] - (self.graph.order - 1)  # a model of order 1 needs none
        probability = self.graph.distribution(tokens[:, needed:])
        # A word that is unknown cannot be written, and padding is none.
        special = tf.range(self.graph.size) == UNKNOWN - 1
        logits = tf.math.log(tf.where(special, np.float64(0), probability))
        padding = tf.fill((tf.shape(ids)[0], 1), tf.constant(-np.inf, tf.float64))
        return tf.concat([padding, logits], axis=1), history[:, 1:]


class LanguageModel(tf.Module):
    """The served graph and what it needs: saved together."""

    def __init__(self, estimator, spec: DataSpec, assets: Path):
        super().__init__()
        tokenizer = Tokenizer.load(assets / documents.VOCABULARY_FILE)
        self.documents = GraphDocuments(tokenizer)
        self.decoder = NgramDecoder(NgramGraph(estimator.model))
        self.end = spec.task_metadata["end"]

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="prompt")])
    def complete(self, prompt):
        config = SamplingConfig.greedy(tf.shape(prompt)[0], COMPLETION_TOKENS)
        return self._continue(prompt, config, tf.fill((tf.shape(prompt)[0], 1), ""))

    @tf.function(input_signature=GENERATE)
    def generate(self, prompt, max_tokens, temperature, top_k, top_p, seed, stop):
        config = SamplingConfig(
            tf.clip_by_value(max_tokens, 0, sampling.LIMIT), temperature, top_k, top_p, seed
        )
        return self._continue(prompt, config, stop)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def score(self, text):
        ids = self.documents.encode(text)
        likelihood = -self.decoder.graph.nats(tf.cast(ids, tf.int64) - 1)
        characters = tf.strings.length(text, unit="UTF8_CHAR")
        bits = tf.math.divide_no_nan(-likelihood, tf.cast(characters, tf.float64) * np.log(2))
        return {
            "log_likelihood": likelihood,
            "tokens": tf.cast(ids.row_lengths(), tf.int32),
            "characters": characters,
            "bits_per_character": bits,
        }

    def _continue(self, prompt, config: SamplingConfig, stops):
        state, last = self.decoder.start(self.documents.encode(prompt))
        ids, log_probability, ended = sampling.sample(self.decoder, state, last, config, self.end)
        text, stopped = cut_at_stops(self.documents.decode(ids), stops)
        return {
            "completion": text,
            "tokens": tf.cast(ids.row_lengths(), tf.int32),
            "finish_reason": tf.where(ended | stopped, "stop", "length"),
            "log_probability": log_probability,
        }


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """(module to save, {signature name: function})."""
    module = LanguageModel(estimator, spec, assets)
    return module, {
        "serving_default": module.complete, "generate": module.generate, "score": module.score
    }  # fmt: skip
