"""`WordPieces` in the served graph: strings to ids, and the words that the pieces are of."""

import tensorflow as tf
import tensorflow_text as tf_text

from pipelines.preprocessing import wordpiece
from pipelines.preprocessing.wordpiece import WordPieces


class GraphWordPieces(tf.Module):
    """(B,) strings -> (B, T) int32 ids, where T is the longest of the batch."""

    def __init__(self, tokenizer: WordPieces):
        super().__init__()
        self.unassigned, self.max_tokens = tokenizer.unassigned, tokenizer.max_tokens
        self.ends = [tokenizer.ids[wordpiece.CLS]], [tokenizer.ids[wordpiece.SEP]]
        self.tokenizer = tf_text.FastBertTokenizer(
            tokenizer.vocabulary, lower_case_nfd_strip_accents=tokenizer.lowercase,
            token_out_type=tf.int32,
        )  # fmt: skip
        self.is_inside = tf.constant(
            [piece.startswith(wordpiece.INSIDE) for piece in tokenizer.vocabulary]
        )

    def __call__(self, text):
        return self._framed(self.tokenizer.tokenize(self._clean(text)))

    def with_words(self, text):
        """(ids, words, word numbers).

        Returns:
            ids: (B, T).
            words: ragged (B, W) strings, as they are in the text; punctuation is a word.
            numbers: (B, T), of each id's word, from 0; -1 for [CLS], [SEP] and padding.
        """
        text = self._clean(text)
        pieces, starts, ends = self.tokenizer.tokenize_with_offsets(text)
        rows = pieces.value_rowids()
        is_first = ~tf.gather(self.is_inside, pieces.flat_values)  # of its word
        total = tf.cumsum(tf.cast(is_first, tf.int32))  # words of all texts up to each piece
        before = tf.gather(tf.concat([[0], total], axis=0), pieces.row_starts())  # (B,)
        numbers = pieces.with_flat_values(total - 1 - tf.gather(before, rows))
        begin = tf.boolean_mask(starts.flat_values, is_first)  # (words of all texts,) bytes
        end = tf.math.segment_max(ends.flat_values, total - 1)
        row = tf.boolean_mask(rows, is_first)
        spelt = tf.strings.substr(tf.gather(text, row), begin, end - begin)
        words = tf.RaggedTensor.from_value_rowids(spelt, row, tf.size(text, tf.int64))
        frame = tf.fill([tf.size(text), 1], -1)
        numbers = tf.concat([frame, numbers[:, : self.max_tokens - 2], frame], axis=1)
        return self._framed(pieces), words, numbers.to_tensor(-1)

    def _clean(self, text):
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
        return tf.strings.regex_replace(text, self.unassigned, wordpiece.REPLACEMENT)

    def _framed(self, pieces):
        """Ragged (B, P) ids, cut off, between [CLS] and [SEP], and padded with 0."""
        rows = pieces.nrows()
        cls, sep = (tf.fill([rows, 1], end[0]) for end in self.ends)
        return tf.concat([cls, pieces[:, : self.max_tokens - 2], sep], axis=1).to_tensor(0)
