"""A served language model: prompts in, continuations out; texts in, their scores out.

Signatures (b rows):

    serving_default  prompt -> completion and what is known of it; the most probable token at each
                     step
    generate         the same, drawn at random, by parameters of each row
    score            text -> log_likelihood, tokens, characters, bits_per_character
    start            prompt -> token, state: the state before the prompt's last token, which is
                     `token`; of an empty prompt, id 0, which begins a document
    step             token, state -> logits of the next token, and the state that has read `token`
    sample           token, state, position, parameters -> the next token, drawn as `generate` draws
                     it, the state, and the text that the token adds

With `start` and `sample` a server makes texts token by token, many in one call. The state may be
several tensors; all have the names of `ServedDecoder.state_specs`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from pipelines.inference import sampling
from pipelines.inference.sampling import SamplingSettings
from pipelines.preprocessing import documents
from pipelines.preprocessing.tokenization import UNKNOWN
from pipelines.spec import DataSpec
from pipelines.tasks.language_modeling.graph_documents import GraphDocuments, cut_at_stops

COMPLETION_TOKENS = 32  # unless a request says otherwise
MAX_TOKENS = 1024  # of a completion, whatever is asked for
PROMPT_BYTES = 1 << 16  # of a longer prompt the end is read
FRESH = -1  # the seed for which one is chosen
# {parameter: its limits and default, for signature.json}
PARAMETERS: dict[str, dict[str, Any]] = {
    "max_tokens": {"minimum": 1, "maximum": MAX_TOKENS, "default": COMPLETION_TOKENS},
    "temperature": {"minimum": 0.0, "default": 1.0},
    "top_k": {"minimum": 0, "default": 0},
    "top_p": {"minimum": 0.0, "maximum": 1.0, "default": 1.0},
    "seed": {"minimum": FRESH, "default": FRESH},
    "stop": {"max_length": 16, "default": []},
}
PROMPT = tf.TensorSpec((None,), tf.string, name="prompt")
SETTINGS = [
    tf.TensorSpec((None,), dtype, name=name)
    for name, dtype in (
        ("temperature", tf.float32), ("top_k", tf.int32), ("top_p", tf.float32), ("seed", tf.int64)
    )
]  # fmt: skip
GENERATE = [
    PROMPT, tf.TensorSpec((None,), tf.int32, name="max_tokens"), *SETTINGS,
    tf.TensorSpec((None, None), tf.string, name="stop"),
]  # fmt: skip
State = Mapping[str, tf.Tensor]


class ServedDecoder(Protocol):
    """What is needed of a model; ids are those of the data set, and 0 begins a document.

    A row's state holds all that its next tokens depend on, its position too: rows of different
    lengths are in one call. Zeros are the state that has read nothing.

    Args:
        state_specs: names, shapes (None, ...) and types of the state.
        context: how many tokens of a prompt are read; of a longer one the last.
    """

    state_specs: tuple[tf.TensorSpec, ...]
    context: int

    def start(self, ids: tf.RaggedTensor) -> tuple[State, tf.Tensor]:
        """(B, None) ids of prompts -> the state before their last token, and (B,) that token."""
        ...

    def step(self, ids: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """(B,) ids -> (B, V) float32 logits of the next, and the state."""
        ...

    def nats(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """(B, None) ids of documents -> (B,) float64 sums of -log p over their tokens."""
        ...


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
        self.decoder = decoder
        self.end = spec.task_metadata["end"]
        self.names = [spec.name for spec in decoder.state_specs]
        token, position = (tf.TensorSpec((None,), tf.int32, name=n) for n in ("token", "position"))
        states = decoder.state_specs
        self.step = tf.function(self._step, input_signature=[token, *states])
        self.sample = tf.function(
            self._sample, input_signature=[token, position, *SETTINGS, *states]
        )

    @tf.function(input_signature=[PROMPT])
    def complete(self, prompt):
        rows = tf.shape(prompt)[0]
        settings = SamplingSettings.same(rows, tf.zeros((rows,), tf.int64), temperature=0.0)
        length, stops = tf.fill((rows,), COMPLETION_TOKENS), tf.fill((rows, 1), "")
        return self._continue(prompt, settings, length, stops)

    @tf.function(input_signature=GENERATE)
    def generate(self, prompt, max_tokens, temperature, top_k, top_p, seed, stop):
        # As many as a number of JavaScript holds exactly: it may be sent again.
        fresh = tf.random.uniform(tf.shape(seed), maxval=1 << 53, dtype=tf.int64)
        seed = tf.where(seed == FRESH, fresh, seed)
        settings = SamplingSettings(temperature, top_k, top_p, seed)
        return {**self._continue(prompt, settings, max_tokens, stop), "seed": seed}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def score(self, text):
        ids = self.documents.encode(text)
        likelihood = -self.decoder.nats(ids)
        characters = tf.strings.length(text, unit="UTF8_CHAR")
        bits = tf.math.divide_no_nan(-likelihood, tf.cast(characters, tf.float64) * np.log(2))
        return {
            "log_likelihood": likelihood,
            "tokens": tf.cast(ids.row_lengths(), tf.int32),
            "characters": characters,
            "bits_per_character": bits,
        }

    @tf.function(input_signature=[PROMPT])
    def start(self, prompt):
        state, last, notes = self._read(prompt)
        return {"token": last, **state, **notes}

    def _step(self, token, *states):
        logits, state = self.decoder.step(token, dict(zip(self.names, states, strict=True)))
        return {"logits": logits, **state}

    def _sample(self, token, position, temperature, top_k, top_p, seed, *states):
        state = dict(zip(self.names, states, strict=True))
        logits, state = self._writable(token, None, state)
        settings = SamplingSettings(temperature, top_k, top_p, seed)
        uniform = sampling.uniform_number(seed, position, MAX_TOKENS)
        one = sampling.draw(logits, settings, uniform)
        before = tf.where(position > 0, token, 0)  # the prompt is no part of the completion
        return {
            "token": one.token,
            **state,
            "text": self.documents.added(before, one.token),
            "ended": one.token == self.end,
            "log_probability": one.log_probability,
        }

    def _writable(self, ids, index, state):
        """A step that never draws what cannot be written: padding, and a word that is unknown."""
        logits, state = self.decoder.step(ids, state)
        return tf.where(
            self.documents.is_written, logits, tf.constant(-np.inf, logits.dtype)
        ), state

    def _read(self, prompt):
        """The state before the last token of prompts, that token, and what was read of them."""
        size = tf.strings.length(prompt)
        first = tf.maximum(size - PROMPT_BYTES, 0)
        ids = self.documents.encode(tf.strings.substr(prompt, first, size - first))
        read = ids[:, -self.decoder.context :]
        state, last = self.decoder.start(read)
        unknown = tf.ragged.map_flat_values(lambda token: tf.cast(token == UNKNOWN, tf.int32), read)
        return state, last, {
            "prompt_tokens": tf.cast(read.row_lengths(), tf.int32),
            "unknown_tokens": tf.reduce_sum(unknown, axis=1),
            "truncated": (first > 0) | (read.row_lengths() < ids.row_lengths()),
        }  # fmt: skip

    def _continue(self, prompt, settings: SamplingSettings, max_tokens, stops):
        state, last, notes = self._read(prompt)
        drawn = sampling.extend(
            self._writable, state, last, settings, max_tokens, self.end, MAX_TOKENS
        )
        ids = tf.RaggedTensor.from_tensor(drawn.ids, drawn.lengths)
        text, stopped = cut_at_stops(self.documents.decode(ids), stops)
        return {
            "completion": text,
            "tokens": drawn.lengths,
            "finish_reason": tf.where(drawn.ended | stopped, "stop", "length"),
            "log_probability": drawn.log_probabilities,
            **notes,
        }


def endpoints_of(decoder: ServedDecoder, spec: DataSpec, assets: Path):
    """(module to save, {signature name: function})."""
    module = LanguageModel(decoder, spec, assets)
    return module, {
        "serving_default": module.complete,
        "generate": module.generate,
        "score": module.score,
        "start": module.start,
        "step": module.step,
        "sample": module.sample,
    }
