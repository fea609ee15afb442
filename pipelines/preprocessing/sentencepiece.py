"""Sub-words: units between characters and words, so that no word is unknown.

SentencePiece learns a joint vocabulary of both languages from training sentences only. `prepare`
applies it here; `translation/serve.py` applies the same model in the TensorFlow graph
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
    ids = []
    for number in map(int, row):
        if number in (END, PADDING):
            break
        ids.append(number)
    return ids


def learn(texts: Sequence[str], size: int, method: str, normalization: str) -> Subwords:
    """A model of at most `size` ids from (training) texts of both languages.

    Digits are split, so that numbers are spelt and not memorised. Deterministic: one
    thread, no sampling.

    Args:
        texts: of both languages.
        size: number of ids; exact for bpe.
        method: unigram (Kudo 2018) or bpe (Sennrich et al. 2016).
        normalization: nmt_nfkc, nfkc or identity.
    """
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_writer=model, model_type=method,
            vocab_size=size, hard_vocab_limit=method == "bpe", character_coverage=1.0,
            split_digits=True, normalization_rule_name=normalization, num_threads=1,
            pad_id=PADDING, unk_id=UNKNOWN, bos_id=BEGIN, eos_id=END, minloglevel=2,
            max_sentence_length=1 << 20,
        )  # fmt: skip
    except RuntimeError as error:  # the message begins with a path in the library's source
        reason = str(error).rsplit(") ", 1)[-1].strip()
        raise UserError(
            "vocabulary-size",
            f"no sub-word model of {size} ids from {len(texts)} training sentences ({reason}); "
            "change the size",
            key="subwords.vocabulary_size", value=size,
        ) from None  # fmt: skip
    return Subwords(model.getvalue())
