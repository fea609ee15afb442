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

    def added(self, before: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        """(B,) what each token adds to a text: `decode` of many ids is what all of them add.

        Args:
            before: (B,) ids of the tokens before; 0: none.
            ids: (B,).
        """
        both = tf.stack([before, ids], axis=1)
        whole = self.decode(tf.ragged.boolean_mask(both, both > 0))
        start = self.decode(tf.ragged.boolean_mask(both[:, :1], both[:, :1] > 0))
        size = tf.strings.length(start)
        return tf.strings.substr(whole, size, tf.strings.length(whole) - size)


def cut_at_stops(text: tf.Tensor, stops: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(B,) texts before their stop string, and (B,) whether there was one.

    Of several stop strings the one that is complete first counts, as for a reader who sees the text
    while it is made; of two that are complete at once, the longer one.

    Args:
        text: (B,).
        stops: (B, S); an empty one stops nothing.
    """
    places = tf.map_fn(
        _places, (text, stops), fn_output_signature=tf.TensorSpec((None,), tf.int32)
    )  # (B, S)
    never = tf.strings.length(text)[:, None] + 1
    occurs = (stops != "") & (places < never - 1)
    ends = tf.where(occurs, places + tf.strings.length(stops), never)
    is_first = occurs & (ends == tf.reduce_min(ends, axis=1, keepdims=True))
    start = tf.reduce_min(tf.where(is_first, places, never - 1), axis=1)
    return tf.strings.substr(text, tf.zeros_like(start), start), tf.reduce_any(occurs, axis=1)


def _places(row: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    """(S,) first bytes of the stop strings in a text; its length where there is none."""
    text, stops = row

    def place(stop):
        separator = tf.where(stop == "", "\0", stop)  # no text holds NUL
        return tf.strings.length(tf.strings.split(text[None], separator).values[0])

    return tf.map_fn(place, stops, fn_output_signature=tf.int32)
