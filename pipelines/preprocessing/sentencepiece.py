"""Sub-words: units between characters and words, so that no word is unknown.

SentencePiece learns a vocabulary from training texts only: a joint one of both languages for
translation, one without loss for language models. `prepare` applies it here; the served graph
applies the same model (`tensorflow_text.SentencepieceTokenizer`), which runs the same C++ code.

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
SPACE_MARK = "\u2581"  # in pieces


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

    def text(self, ids: Sequence[int]) -> str:
        """The text of all ids."""
        return self._processor.decode([int(number) for number in ids])

    @property
    def texts(self) -> list[str]:
        """What each id writes, with spaces as such; "" for special ids and bytes."""
        numbers, model = range(self.size), self._processor
        written = [not (model.is_control(n) or model.is_unknown(n) or model.is_byte(n))
                   for n in numbers]  # fmt: skip
        pieces = self.pieces(numbers)
        return [
            piece.replace(SPACE_MARK, " ") if is_written else ""
            for piece, is_written in zip(pieces, written, strict=True)
        ]

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
    """A model of at most `size` ids from (training) texts: of both languages, or of captions.

    Digits are split, so that numbers are spelt and not memorised. Deterministic: one
    thread, no sampling.

    Args:
        texts: of both languages, or captions.
        size: number of ids; exact for bpe.
        method: unigram (Kudo 2018), bpe (Sennrich et al. 2016), word or char.
        normalization: of characters, by SentencePiece's name: nmt_nfkc, identity.
    """
    return _trained(
        texts, size, "subwords.vocabulary_size", model_type=method,
        hard_vocab_limit=method == "bpe", normalization_rule_name=normalization,
        bos_id=BEGIN, eos_id=END,
    )  # fmt: skip


def learn_lossless(texts: Sequence[str], size: int) -> Subwords:
    """A unigram model (Kudo 2018) of at most `size` ids that gives every text back exactly.

    Spaces and line feeds are kept, a line feed is a piece of its own, and a character that the
    texts lack is spelt in bytes of UTF-8, so that nothing is unknown. The one exception is U+2581,
    which SentencePiece writes for a space: it comes back as one.

    Ids: padding 0, unknown 1, the line feed, 256 bytes, then pieces, the most probable first.

    Args:
        texts: lines of training texts, each with its line feed.
        size: number of ids.
    """
    return _trained(
        texts, size, "vocabulary_size", model_type="unigram", hard_vocab_limit=False,
        normalization_rule_name="identity", bos_id=-1, eos_id=-1, byte_fallback=True,
        add_dummy_prefix=False, remove_extra_whitespaces=False, user_defined_symbols=["\n"],
    )  # fmt: skip


def _trained(texts: Sequence[str], size: int, key: str, **options) -> Subwords:
    """key: where params.yaml has the size, for the error. options: of SentencePiece's trainer."""
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_writer=model, vocab_size=size,
            character_coverage=1.0, split_digits=True, num_threads=1, pad_id=PADDING,
            unk_id=UNKNOWN, minloglevel=2, max_sentence_length=1 << 20, **options,
        )  # fmt: skip
    except RuntimeError as error:  # the message begins with a path in the library's source
        reason = str(error).rsplit(") ", 1)[-1].strip()
        raise UserError(
            "vocabulary-size",
            f"no sub-word model of {size} ids from {len(texts)} training sentences ({reason}); "
            "change the size",
            key=key, value=size,
        ) from None  # fmt: skip
    return Subwords(model.getvalue())
