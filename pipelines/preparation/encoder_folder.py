"""A folder with a pretrained text encoder: which files are needed, and whether they are whole.

Two layouts, both of which KerasHub reads without the internet:

    published     config.json with `model_type`, model.safetensors, vocab.txt, and where it is
                  there tokenizer_config.json; as on Hugging Face
    KerasHub      config.json with `registered_name`, model.weights.h5, tokenizer.json and
                  assets/tokenizer/vocabulary.txt; as `save_to_preset` writes it

Only encoders with word pieces (BERT, DistilBERT, ELECTRA, MiniLM, ...) are accepted: their
tokenization is in preprocessing/wordpiece.py.
"""

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from pipelines.config.errors import UserError
from pipelines.preprocessing import wordpiece

CONFIG = "config.json"
WEIGHTS, WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
VOCABULARY, TOKENIZER = "vocab.txt", "tokenizer_config.json"
KERAS_WEIGHTS, KERAS_TOKENIZER = "model.weights.h5", "tokenizer.json"
KERAS_VOCABULARY = "assets/tokenizer/vocabulary.txt"
SPECIAL = (wordpiece.PADDING, wordpiece.UNKNOWN, wordpiece.CLS, wordpiece.SEP)
REMEDY = "download the folder's files again, or name another folder"


@dataclass(frozen=True)
class Encoder:
    """files: relative to the folder, those that are needed. positions: the longest input."""

    files: tuple[str, ...]
    vocabulary: list[str]
    lowercase: bool
    positions: int


def is_encoder(folder: Path) -> bool:
    return (folder / CONFIG).is_file()


def read(folder: Path) -> Encoder:
    """The encoder in a folder.

    Raises:
        UserError: a file is missing, cut off or damaged, or the tokenization is of another kind.
    """
    config = _json(folder / CONFIG)
    encoder = _preset(folder, config) if "registered_name" in config else _published(folder, config)
    _check_vocabulary(folder, encoder.vocabulary)
    return encoder


def _published(folder: Path, config: dict) -> Encoder:
    weights = _weights_files(folder)
    for name in weights:
        if name.endswith(".safetensors"):
            check_safetensors(folder / name)
    vocabulary = _vocabulary(folder / VOCABULARY)
    settings = _json(folder / TOKENIZER) if (folder / TOKENIZER).is_file() else {}
    lowercase = settings.get("do_lower_case", _has_lower_case_only(vocabulary))
    accents, ideographs = (settings.get(k) for k in ("strip_accents", "tokenize_chinese_chars"))
    if accents not in (None, lowercase) or ideographs is False:
        raise UserError(
            "tokenization-unsupported",
            f"strip_accents {accents} with do_lower_case {lowercase}, tokenize_chinese_chars "
            f"{ideographs}: the served graph cannot tokenize like that; use another encoder",
            path=folder / TOKENIZER, value=accents,
        )  # fmt: skip
    files = [CONFIG, *weights, VOCABULARY, *([TOKENIZER] if settings else [])]
    positions = _number(folder, config, "max_position_embeddings")
    _check_size(folder, vocabulary, _number(folder, config, "vocab_size"))
    return Encoder(tuple(files), vocabulary, lowercase, positions)


def _preset(folder: Path, config: dict) -> Encoder:
    files = (CONFIG, KERAS_WEIGHTS, KERAS_TOKENIZER, KERAS_VOCABULARY)
    vocabulary = _vocabulary(folder / KERAS_VOCABULARY)
    path = _present(folder / KERAS_WEIGHTS, "weights-missing")
    try:
        h5py.File(path).close()
    except OSError as error:
        raise _damaged(path, error) from error
    lowercase = _json(_present(folder / KERAS_TOKENIZER, "vocabulary-missing"))["config"]
    settings = config.get("config", {})
    _check_size(folder, vocabulary, _number(folder, settings, "vocabulary_size"))
    positions = _number(folder, settings, "max_sequence_length")
    return Encoder(files, vocabulary, bool(lowercase.get("lowercase")), positions)


def _weights_files(folder: Path) -> list[str]:
    """One file, or an index with its parts."""
    if not (folder / WEIGHTS_INDEX).is_file():
        _present(folder / WEIGHTS, "weights-missing")
        return [WEIGHTS]
    parts = sorted(set(_json(folder / WEIGHTS_INDEX).get("weight_map", {}).values()))
    for name in parts:
        _present(folder / name, "weights-missing")
    return [WEIGHTS_INDEX, *parts]


def check_safetensors(path: Path) -> None:
    """Raises a UserError for a file that is cut off or of another kind.

    The format: 8 bytes with the length of a header, the header as JSON, and the tensors, whose
    places it lists. https://github.com/huggingface/safetensors#format
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > size:
            raise _damaged(path, f"{size:,} bytes, too few for its header")
        try:
            header = json.loads(stream.read(length))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name[:2] != "__"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _damaged(path, error) from error
    expected = 8 + length + max(ends, default=0)
    if size != expected:
        raise _damaged(path, f"{size:,} of {expected:,} bytes")


def _vocabulary(path: Path) -> list[str]:
    """Lines: the piece with id i is line i + 1."""
    _present(path, "vocabulary-missing")
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            "vocabulary-invalid", f"not UTF-8 ({error}); {REMEDY}", path=path
        ) from error
    return text.removesuffix("\n").split("\n")


def _check_vocabulary(folder: Path, vocabulary: list[str]) -> None:
    missing = [piece for piece in SPECIAL if piece not in vocabulary]
    if missing or vocabulary[0] != wordpiece.PADDING or len(set(vocabulary)) < len(vocabulary):
        raise UserError(
            "vocabulary-invalid",
            f"a vocabulary of word pieces begins with {wordpiece.PADDING}, holds "
            f"{', '.join(SPECIAL)} and no piece twice; this one begins with {vocabulary[0]!r}, "
            f"lacks {', '.join(missing) or 'none'} and has {len(set(vocabulary))} distinct "
            f"pieces of {len(vocabulary)}; use another encoder",
            path=folder, value=vocabulary[0],
        )  # fmt: skip


def _check_size(folder: Path, vocabulary: list[str], size: int) -> None:
    if len(vocabulary) > size:
        raise UserError(
            "vocabulary-invalid",
            f"{len(vocabulary):,} pieces, and the encoder has embeddings for {size:,}; {REMEDY}",
            path=folder, value=len(vocabulary),
        )  # fmt: skip


def _has_lower_case_only(vocabulary: list[str]) -> bool:
    return all(piece == piece.lower() for piece in vocabulary if not piece.startswith("["))


def _present(path: Path, code: str) -> Path:
    if path.is_file():
        return path
    names = (
        sorted(entry.name for entry in path.parent.glob("*"))[:12] if path.parent.is_dir() else []
    )
    raise UserError(
        code,
        f"no such file; the folder holds {', '.join(names) or 'nothing'}; an encoder needs "
        f"{CONFIG}, {WEIGHTS} and {VOCABULARY}, or what KerasHub's save_to_preset writes with its "
        f"tokenizer; {REMEDY}",
        path=path,
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UserError("config-invalid", f"not JSON ({error}); {REMEDY}", path=path) from error
    if not isinstance(values, dict):
        raise UserError("config-invalid", f"not an object of JSON; {REMEDY}", path=path)
    return values


def _number(folder: Path, config: dict, key: str) -> int:
    value = config.get(key)
    if not isinstance(value, int):
        raise UserError(
            "encoder-unsupported",
            f"no number {key}, so not an encoder of texts like BERT; use another folder",
            path=folder / CONFIG, key=key, value=value,
        )  # fmt: skip
    return value


def _damaged(path: Path, reason: object) -> UserError:
    return UserError(
        "weights-damaged", f"the file is cut off or damaged ({reason}); {REMEDY}", path=path
    )
