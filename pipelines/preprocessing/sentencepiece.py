"""Sub-words: pieces between letters and words, so that no word is unknown.

A joint vocabulary of both languages is learned by SentencePiece from training sentences alone.
`prepare` applies it here; `translation/serve.py` applies the same model in TensorFlow's graph
(`tensorflow_text.SentencepieceTokenizer`), which runs the same C++ code.

Reference: Kudo and Richardson, "SentencePiece: A simple and language independent subword tokenizer
and detokenizer for Neural Text Processing", EMNLP 2018.
"""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import sentencepiece

from pipelines.config.errors import UserError

PADDING, UNKNOWN, BEGIN, END = 0, 1, 2, 3  # ids
FILE = "subwords.model"


class Subwords:
    """A SentencePiece model: text to ids and back."""

    def __init__(self, model: bytes):
        self.model = model
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)

    @property
    def size(self) -> int:
        """How many distinct ids there are, the four special ones included."""
        return self._processor.get_piece_size()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return self._processor.encode(list(texts), num_threads=1)

    def decode(self, ids: Iterable[Sequence[int]]) -> list[str]:
        """Texts of rows of ids; each row ends at its first END or PADDING."""
        return [self._processor.decode(until_end(row)) for row in ids]

    def pieces(self, ids: Iterable[int]) -> list[str]:
        return [self._processor.id_to_piece(int(number)) for number in ids]

    def save(self, folder: Path) -> None:
        (folder / FILE).write_bytes(self.model)

    @classmethod
    def load(cls, folder: Path) -> "Subwords":
        return cls((folder / FILE).read_bytes())


def until_end(row: Sequence[int]) -> list[int]:
    """The ids of a row before its first END or PADDING."""
    kept = []
    for number in map(int, row):
        if number in (END, PADDING):
            break
        kept.append(number)
    return kept


def learn(texts: Sequence[str], size: int, method: str, normalization: str) -> Subwords:
    """A model of at most `size` ids from (training) texts of both languages.

    method: unigram (Kudo 2018) | bpe (Sennrich et al. 2016). normalization: nmt_nfkc | nfkc |
    identity. Every digit is a piece of its own, so that numbers are spelt and not memorised. Same
    texts, same bytes: one thread, no sampling.
    """
    written = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_writer=written, model_type=method,
            vocab_size=size, hard_vocab_limit=method == "bpe", character_coverage=1.0,
            split_digits=True, normalization_rule_name=normalization, num_threads=1,
            pad_id=PADDING, unk_id=UNKNOWN, bos_id=BEGIN, eos_id=END, minloglevel=2,
            max_sentence_length=1 << 20,
        )  # fmt: skip
    except RuntimeError as error:  # the library's own words hold its source path; keep the end
        reason = str(error).rsplit(") ", 1)[-1].strip()
        raise UserError(
            f"vocabulary_size: no sub-word model of {size} ids from {len(texts)} training "
            f"sentences ({reason}); ask for another size"
        ) from None
    return Subwords(written.getvalue())
