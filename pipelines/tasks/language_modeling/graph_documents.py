"""Documents to token ids and back in TensorFlow: preprocessing/documents.py in the graph."""

import tensorflow as tf

from pipelines.preprocessing import documents
from pipelines.preprocessing.documents import DocumentTokenizer
from pipelines.tasks.text_classification.serve import GraphTokenizer


class GraphDocuments(tf.Module):
    """A document tokenizer and, as `is_written` (V,), which ids a model may draw."""

    def __init__(self, tokenizer: DocumentTokenizer):
        super().__init__()
        self.granularity = tokenizer.granularity
        if self.granularity == "subword":
            import tensorflow_text  # its operations are in the graph: see `requires` of serve.py

            self.tokenizer = tensorflow_text.SentencepieceTokenizer(tokenizer.model.model)
        else:
            self.tokenizer = GraphTokenizer(tokenizer)
        texts = documents.texts_of(tokenizer)
        self.words, self.is_written = (
            tf.constant(texts),
            tf.constant([text != "" for text in texts]),
        )

    def encode(self, text: tf.Tensor) -> tf.RaggedTensor:
        """(B,) strings -> (B, None) int32 ids."""
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
        text = tf.strings.regex_replace(text, "\r\n?", "\n")
        subwords = self.granularity == "subword"
        return self.tokenizer.tokenize(text) if subwords else self.tokenizer.ragged(text)

    def decode(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """(B, None) ids that may be drawn -> (B,) strings, as `documents.decode` writes them."""
        words = tf.ragged.map_flat_values(tf.gather, self.words, ids)
        if self.granularity != "word":
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
