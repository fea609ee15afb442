"""Documents to token ids and back in TensorFlow: preprocessing/documents.py in the graph."""

import tensorflow as tf

from pipelines.preprocessing import documents
from pipelines.preprocessing.tokenization import SPECIAL_IDS, Tokenizer
from pipelines.tasks.text_classification.serve import GraphTokenizer


class GraphDocuments(tf.Module):
    def __init__(self, tokenizer: Tokenizer):
        super().__init__()
        self.tokenizer = GraphTokenizer(tokenizer)
        self.granularity = tokenizer.granularity
        # Padding and the unknown are never written.
        self.words = tf.constant([""] * SPECIAL_IDS + list(tokenizer.vocabulary))

    def encode(self, text: tf.Tensor) -> tf.RaggedTensor:
        """(B,) strings -> (B, None) int32 ids."""
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
        text = tf.strings.regex_replace(text, "\r\n?", "\n")
        return self.tokenizer.ragged(text)

    def decode(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """(B, None) ids -> (B,) strings, as `documents.join` writes them."""
        words = tf.ragged.map_flat_values(tf.gather, self.words, ids)
        if self.granularity == "character":
            return tf.strings.reduce_join(words, axis=1)
        text = tf.strings.reduce_join(words, axis=1, separator=" ")
        for pattern, replacement in documents.JOINING:
            text = tf.strings.regex_replace(text, pattern, replacement)
        return text


def cut_at_stops(text: tf.Tensor, stops: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(B,) texts before the first of their stop strings, and (B,) whether there was one.

    Args:
        text: (B,).
        stops: (B, S); an empty one stops nothing.
    """

    def before(row):
        text, stop = row
        separator = tf.where(stop == "", "\0", stop)  # no text holds NUL
        return tf.strings.split(text[None], separator).values[0]

    def cut(row):
        text, stops = row
        return tf.foldl(lambda rest, stop: before((rest, stop)), stops, initializer=text)

    shorter = tf.map_fn(cut, (text, stops), fn_output_signature=tf.string)
    return shorter, shorter != text
