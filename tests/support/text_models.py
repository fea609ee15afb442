"""A small SavedModel that makes texts token by token: it writes one text again and again."""

from pathlib import Path

import tensorflow as tf

from tests.support.serving_trees import write_signature

# Tokens of one byte, so that characters and stop strings go across them.
WRITTEN = "The café — naïve, “piñata”! "
PIECES = [bytes([byte]) for byte in WRITTEN.encode()]
INPUTS = {
    "max_tokens": {"minimum": 1, "maximum": 200, "default": 5},
    "temperature": {"minimum": 0, "default": 1.0},
    "top_k": {"minimum": 0, "default": 0},
    "top_p": {"minimum": 0, "maximum": 1, "default": 1.0},
    "seed": {"minimum": -1, "default": -1},
    "stop": {"max_length": 4, "default": []},
}


def spec(name: str, dtype=tf.int32, *sizes: int | None) -> tf.TensorSpec:
    return tf.TensorSpec((None, *sizes), dtype, name=name)


SETTINGS = [
    spec("temperature", tf.float32), spec("top_k"), spec("top_p", tf.float32),
    spec("seed", tf.int64),
]  # fmt: skip


class Writer(tf.Module):
    """Writes WRITTEN from its first byte. Prompts with a meaning:

    "slow N": each token takes about N ms; "end N": the text ends with its Nth token; "refuse": the
    prompt is refused; "break": the first token fails.
    """

    @tf.function(input_signature=[spec("prompt", tf.string)])
    def start(self, prompt):
        accepted = tf.debugging.Assert(tf.reduce_all(prompt != "refuse"), ["prompt: refused"])
        with tf.control_dependencies([accepted]):
            number = self.number
            state = tf.stack([number(prompt, "slow"), number(prompt, "end")], axis=1)
        state += 1e6 * tf.cast(prompt == "break", tf.float32)[:, None]
        zeros = tf.zeros_like(prompt, tf.int32)
        return {"token": zeros, "state": state, "prompt_bytes": tf.strings.length(prompt)}

    def number(self, prompt, word: str):
        found = tf.strings.regex_full_match(prompt, f"{word} [0-9]{{1,3}}")
        digits = tf.strings.regex_replace(prompt, "[^0-9]", "")
        return tf.strings.to_number(tf.where(found, digits, "0"))

    @tf.function(
        input_signature=[
            spec("token"), spec("state", tf.float32, 2), spec("position"), *SETTINGS
        ]
    )  # fmt: skip
    def sample(self, token, state, position, temperature, top_k, top_p, seed):
        whole = tf.debugging.Assert(tf.reduce_all(state < 1e5), ["the state is broken"])
        with tf.control_dependencies([whole]):
            steps = tf.cast(tf.reduce_max(state[:, 0]), tf.int32)
        square = tf.while_loop(
            lambda i, m: i < steps,
            lambda i, m: (i + 1, tf.linalg.matmul(m, m) / 300.0),
            (0, tf.ones((300, 300))),
            parallel_iterations=1,
        )[1]
        return {
            "token": (token + 1) % len(PIECES),
            "state": state * square[0, 0],
            "text": tf.gather(tf.constant(PIECES), token),
            "ended": tf.cast(position + 1, tf.float32) == state[:, 1],
            "log_probability": tf.zeros_like(temperature) - 0.5,
        }

    @tf.function(
        input_signature=[
            spec("prompt", tf.string), spec("max_tokens"), *SETTINGS, spec("stop", tf.string, None)
        ]
    )  # fmt: skip
    def generate(self, prompt, max_tokens, temperature, top_k, top_p, seed, stop):
        return {"completion": prompt}


def save(folder: Path) -> Path:
    module = Writer()
    functions = {"generate": module.generate, "start": module.start, "sample": module.sample}
    tf.saved_model.save(module, str(folder), {"serving_default": module.start, **functions})
    write_signature(
        folder, task="language_modeling", signatures={"generate": {"inputs": INPUTS}}
    )  # fmt: skip
    return folder
