"""Cells of a row become the inputs of a request."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.commands.prediction import files
from pipelines.config.errors import UserError, one_of
from pipelines.preparation.inspection import sheets

TEXT, NUMBER, IMAGE = "text", "number", "image"
SCALARS = (TEXT, NUMBER)
TEXT_OPTIONS = ("text", "source", "question")  # of recipes: the column of the texts


class Layout:
    """Which column is which request input.

    Args:
        inputs: of the signature: name -> kind, dtype and shape.
        options: of the data set's recipe. A text is in the column that its option `text` or
            `source` names, by name or position; everything else in the column of the input's name.
            With an option `image`, its column holds paths of images, relative to `folder` beside
            the table, and the text is in the column that `question` names.
    """

    def __init__(self, inputs: Mapping[str, Mapping], options: Any):
        self.kinds = {name: str(tensor.get("kind")) for name, tensor in inputs.items()}
        column = next((getattr(options, n) for n in TEXT_OPTIONS if hasattr(options, n)), None)
        self.folder = Path(options.folder) if hasattr(options, "image") else None
        texts = [name for name, kind in self.kinds.items() if kind == TEXT]
        self.columns: dict[str, str | int] = {name: name for name in inputs}
        if len(texts) == 1 and isinstance(column, str | int):
            self.columns[texts[0]] = column
        self.beside = Path()  # the folder of the table
        if self.folder is not None:
            images = {name: options.image for name, kind in self.kinds.items() if kind == IMAGE}
            self.columns |= images
        # A text of several lines, in a table of sentence pairs, is one sentence.
        self.is_sentence = hasattr(options, "source")

    @property
    def is_of_cells(self) -> bool:
        """Whether all inputs are texts, numbers and paths of images, which a table has."""
        known = SCALARS if self.folder is None else (*SCALARS, IMAGE)
        return all(kind in known for kind in self.kinds.values())

    def described(self) -> str:
        return ", ".join(f"{name} from column {column!r}" for name, column in self.columns.items())

    def find(self, path: Path, names: Sequence[str]) -> dict[str, str]:
        """Request input -> the name of its column in this file, beside which its images are."""
        self.beside = path.parent
        return {name: self._column(path, column, names) for name, column in self.columns.items()}

    @staticmethod
    def _column(path: Path, column: str | int, names: Sequence[str]) -> str:
        if isinstance(column, int) and column < len(names):
            return names[column]
        if column in names:
            return str(column)
        stripped = [name for name in names if name.strip() == column]
        if len(stripped) == 1:
            return stripped[0]
        raise UserError(
            "column-missing",
            f"no column {column!r}, which the model reads; {one_of(column, names)}; write the file "
            "with the header and delimiter of the model's data, or give --format lines",
            path=path, line=1, value=column,
        )  # fmt: skip

    def values(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of a row.

        Args:
            cells: request input -> its cell.

        Raises:
            ValueError: what is wrong with a cell.
        """
        return {name: self._read(name, cells[name]) for name in self.kinds}

    def _read(self, name: str, cell: Any) -> Any:
        if self.kinds[name] == TEXT:
            text = (cell if isinstance(cell, str) else sheets.text(cell)).strip()
            if not text:
                raise ValueError(f"{name} is empty")
            return " ".join(text.splitlines()) if self.is_sentence else text
        if self.kinds[name] == NUMBER:
            return _number(name, cell)
        if self.kinds[name] == IMAGE and self.folder is not None:
            return _image(self.beside / self.folder / str(cell).strip())
        return cell


def _number(name: str, cell: Any) -> float:
    try:
        value = float(cell)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name} is {cell!r}, not a finite number")
    return value


def _image(path: Path) -> bytes:
    if not path.is_file():
        raise ValueError(f"no file {path}")
    return files.image(path.read_bytes())


def distinct(names: Sequence[str]) -> list[str]:
    """Names of columns, each once: a repeated one gets a number, an empty one its position."""
    result: list[str] = []
    for position, name in enumerate(names):
        stem = name if name.strip() else f"column_{position}"
        unique, number = stem, 2
        while unique in result:
            unique, number = f"{stem}_{number}", number + 1
        result.append(unique)
    return result


Read = Callable[[Mapping[str, Any]], dict[str, Any]]
