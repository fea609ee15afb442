"""Texts that a language model makes token by token, many in one call.

A SavedModel can do so if it has three signatures (b rows):

    generate  prompt, max_tokens, stop, parameters -> a whole text; only its inputs count here
    start     prompt -> state
    sample    state, position, parameters -> state, text, ended, log_probability

The state is what `start` and `sample` have in common: any tensors, such as the last token and what
a network remembers. `position` counts a text's tokens, `text` is what the next one adds to it, in
bytes, and `ended` says that none follows. Other outputs of `start` are notes, which are returned to
the client. The signatures know the vocabulary and how to sample; a server knows neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from serving.servables.signature import Arrays, Signature

SIGNATURES = GENERATE, START, SAMPLE = "generate", "start", "sample"
PROMPT, MAX_TOKENS, STOP, POSITION = "prompt", "max_tokens", "stop", "position"
TEXT, ENDED, LOG_PROBABILITY = "text", "ended", "log_probability"
Rows = Mapping[str, tf.Tensor]  # the texts that grow together: all inputs of `sample`
Parameters = Mapping[str, Any]  # of one text, by name


@dataclass(frozen=True)
class TextGenerator:
    """What the three signatures of one version do together.

    Args:
        generate: names the parameters, with their limits and defaults.
        start: see above.
        sample: see above.
    """

    generate: Signature
    start: Signature
    sample: Signature

    @classmethod
    def of(cls, signatures: Mapping[str, Signature]) -> "TextGenerator | None":
        """None if the signatures of a version are not those of a text generator."""
        if not set(SIGNATURES) <= set(signatures):
            return None
        generator = cls(*(signatures[name] for name in SIGNATURES))
        return generator if generator._fits() else None

    def _fits(self) -> bool:
        state, parameters = set(self.state), set(self.parameters)
        return (
            all(signature.batched for signature in (self.generate, self.start, self.sample))
            and set(self.start.inputs) == {PROMPT}
            and {PROMPT, MAX_TOKENS, STOP} <= set(self.generate.inputs)
            and set(self.sample.inputs) == state | parameters | {POSITION}
            and state | {TEXT, ENDED, LOG_PROBABILITY} <= set(self.sample.outputs)
        )

    @cached_property
    def state(self) -> list[str]:
        return [name for name in self.start.outputs if name in self.sample.inputs]

    @cached_property
    def parameters(self) -> list[str]:
        """Those of one token."""
        return [name for name in self.generate.inputs if name not in (PROMPT, MAX_TOKENS, STOP)]

    @property
    def state_bytes(self) -> int:
        """Of one text; a dimension of any size counts as 1."""
        specs = [self.sample.inputs[name] for name in self.state]
        return sum(spec.zeros(1).nbytes for spec in specs)

    def begin(
        self, prompts: Sequence[bytes], parameters: Sequence[Parameters]
    ) -> tuple[Rows, list[dict[str, Any]]]:
        """Rows of texts that have no token yet, and notes for each."""
        outputs = self.start.call({PROMPT: tf.constant(prompts)})
        columns = {
            name: tf.constant(np.array([values[name] for values in parameters], spec.dtype))
            for name, spec in self.sample.inputs.items()
            if name in self.parameters
        }
        columns |= {name: outputs[name] for name in self.state}
        columns[POSITION] = tf.zeros((len(prompts),), tf.int32)
        notes = {
            name: outputs[name].numpy().tolist()
            for name in self.start.outputs
            if name not in columns
        }
        return columns, [
            {name: values[row] for name, values in notes.items()} for row in range(len(prompts))
        ]

    def advance(self, rows: Rows) -> tuple[Rows, Arrays]:
        """The rows one token later, and what `sample` says of that token."""
        outputs = self.sample.call(rows)
        state = {name: outputs[name] for name in self.state}
        token = {name: outputs[name].numpy() for name in (TEXT, ENDED, LOG_PROBABILITY)}
        return {**rows, **state, POSITION: rows[POSITION] + 1}, token


def count(rows: Rows) -> int:
    return len(rows[POSITION])


def select(rows: Rows, remaining: Sequence[int]) -> Rows:
    return {name: tf.gather(column, remaining) for name, column in rows.items()}


def concat(first: Rows, second: Rows) -> Rows:
    return {name: tf.concat([first[name], second[name]], axis=0) for name in first}
