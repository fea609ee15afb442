"""What is refused, and the words it is refused with.

Every check raises `Refused` with one sentence that names the place (file, line, key), what was
found there and what to do. The front door prints that sentence and exits 2, without a traceback.
"""

import codecs
import difflib
import gzip
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from pipelines.spec import DataSpec

MAX_UNPACKED_BYTES = 1 << 31


class Refused(Exception):
    """A mistake in the user's files or parameters. The message is all a user sees."""


def one_of(name: str, choices: Iterable[str]) -> str:
    """'accepted: a, b; did you mean a?' for a name that was not found among choices."""
    choices = sorted(map(str, choices))
    close = difflib.get_close_matches(str(name), choices, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"accepted: {', '.join(choices) or 'nothing yet'}{hint}"


def existing(path: Path, what: str) -> Path:
    if not path.exists():
        raise Refused(f"{path}: no such file; {what}")
    return path


def contents(path: Path) -> bytes:
    """The bytes of a file; of a gzip file, by its name, what is packed in it."""
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        with gzip.open(path) as stream:
            data = stream.read(MAX_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Refused(f"{path}: not a whole gzip file ({error}); fetch it again") from None
    if len(data) > MAX_UNPACKED_BYTES:
        raise Refused(f"{path}: unpacks to more than {MAX_UNPACKED_BYTES:,} bytes; unpack it first")
    return data


def decode(path: Path, encoding: str) -> str:
    """The text of a file, refused by line where a byte is not valid in the encoding."""
    if not path.is_file():
        raise Refused(f"{path}: no such file; set `source` to a file that exists")
    return decoded(path, contents(path), encoding)


def decoded(place: Path | str, data: bytes, encoding: str) -> str:
    """The same of bytes that were read from `place`."""
    if not data.strip():
        raise Refused(f"{place}: the file is empty")
    try:
        utf8 = codecs.lookup(encoding).name == "utf-8"
        text = data.decode("utf-8-sig" if utf8 else encoding)
    except LookupError:
        raise Refused(
            f"{place}: unknown encoding {encoding!r}; use a name Python knows, such as utf-8, "
            "latin-1, cp1252 or utf-16"
        ) from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        found = data[error.start : error.start + 1].hex()
        raise Refused(
            f"{place}, line {line}: byte 0x{found} is not valid {encoding}; save the file as "
            f"{encoding} or set `encoding` (latin-1 and cp1252 are common)"
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise Refused(
            f"{place}, line {line}: a NUL character; set `encoding` (utf-16?) or remove it"
        )
    return text


def lines(path: Path, encoding: str) -> list[str]:
    """Split at line feeds alone: a sentence may hold U+2028 and the like."""
    return decode(path, encoding).replace("\r\n", "\n").removesuffix("\n").split("\n")


def column(path: Path, header: Sequence[str] | None, width: int, wanted: str | int) -> int:
    """The position of a column that is given by name or by position."""
    if isinstance(wanted, int):
        width = len(header) if header else width
        if not 0 <= wanted < width:
            raise Refused(f"{path}, line 1: no column {wanted}; there are {width}, counted from 0")
        return wanted
    if header is None:
        raise Refused(
            f"{path}: column {wanted!r} needs a header line; give a position or header: true"
        )
    names = [name.strip() for name in header]
    if wanted not in names:
        raise Refused(f"{path}, line 1: no column {wanted!r}; {one_of(wanted, names)}")
    if names.count(wanted) > 1:
        raise Refused(f"{path}, line 1: {names.count(wanted)} columns {wanted!r}; give a position")
    return names.index(wanted)


def classes(path: Path, names: Sequence[str], positive: str | None) -> list[str]:
    """The class names in alphabetical order."""
    labels = sorted(set(names))
    if len(labels) < 2:
        raise Refused(f"{path}: only one class, {labels[0]!r}; at least two are needed")
    if positive is not None and positive not in labels:
        raise Refused(
            f"{path}: no row has the positive label {positive!r}; {one_of(positive, labels)}"
        )
    if positive is not None and len(labels) > 2:
        raise Refused(
            f"{path}: `positive` is for two classes, found {len(labels)}: {', '.join(labels)}; "
            "remove `positive` or merge the other classes"
        )
    return labels


def consistent_labels(path: Path, where: Sequence[str], copies, names: Sequence[str]) -> None:
    """Copies of one text must carry one label. where: the place of each row, for the message."""
    first: dict[int, int] = {}
    for row, copy in enumerate(copies.tolist()):
        other = first.setdefault(copy, row)
        if names[other] != names[row]:
            raise Refused(
                f"{path}, {where[row]}: same text as {where[other]}, but labelled "
                f"{names[row]!r} there {names[other]!r}; mend one of them"
            )


def parts(path: Path, rows: Mapping[str, "np.ndarray"], targets: "np.ndarray", labels) -> None:
    """Every part has rows, and every class stands in every part."""
    for part, own in rows.items():
        present = set(targets[own].tolist())
        missing = [name for number, name in enumerate(labels) if number not in present]
        if missing:
            raise Refused(
                f"{path}: class {missing[0]!r} is missing from the {part} part ({len(own)} rows); "
                "add rows of that class or ask for a larger part in `split`"
            )


def disjoint(path: Path, keyed: Mapping[str, tuple[Sequence[str], "np.ndarray"]]) -> None:
    """No key stands in two parts. keyed: part -> (the place of each row, keys)."""
    for (one, (places, keys)), (other, (other_places, other_keys)) in combinations(
        keyed.items(), 2
    ):
        where = dict(zip(keys.tolist(), places, strict=True))
        shared = [
            (where[key], place)
            for key, place in zip(other_keys.tolist(), other_places, strict=True)
            if key in where
        ]
        if shared:
            raise Refused(
                f"{path}, {shared[0][0]} ({one}) and {shared[0][1]} ({other}): the same "
                f"text in two parts, {len(shared)} such rows; use duplicates: drop, or "
                "overlap: report to score with and without them"
            )


def within_spec(path: Path, columns: Mapping, spec: "DataSpec") -> None:
    """Prepared arrays are what the spec promises: shape, type, finite, ids in range."""
    import numpy as np

    fields = {name: (f.shape, f.dtype, f.size) for name, f in spec.inputs.items()}
    if spec.labels:
        fields[spec.target] = ((), "int32", len(spec.labels))
    for name, (shape, dtype, size) in fields.items():
        array = columns.get(name)
        if array is None:
            raise Refused(f"{path}: no array {name!r}; found: {', '.join(sorted(columns))}")
        if array.shape[1:] != shape or str(array.dtype) != dtype:
            raise Refused(
                f"{path}/{name}.npy: {array.dtype}{list(array.shape[1:])} a row, "
                f"but the spec says {dtype}{list(shape)}"
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            row = int(np.argwhere(~np.isfinite(array))[0][0])
            raise Refused(f"{path}/{name}.npy, row {row}: NaN or infinite; mend or remove the row")
        if size is not None and array.size and not (array.min() >= 0 and array.max() < size):
            raise Refused(
                f"{path}/{name}.npy: values from {array.min()} to {array.max()}, "
                f"but they must lie in 0 to {size - 1}"
            )
