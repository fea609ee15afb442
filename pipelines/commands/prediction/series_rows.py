"""The rows of a series that a forecast needs, of files of any size, in bounded memory.

A series is put on a grid as a whole, which takes about a kilobyte a row. A large file is therefore
read row by row first, and only its last rows are kept, where the forecast begins at its end.
"""

import csv
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipelines.commands.prediction.progress import FILE_S
from pipelines.config.errors import UserError
from pipelines.preparation import row_stream, tables
from pipelines.preparation.inspection import file_kind, sheets
from pipelines.preparation.inspection.questions import Answers

SMALL_BYTES = 1 << 25  # a text file up to this is read as it is
TAIL_ROWS = 200_000  # kept for a forecast from the end, or two windows, if those are longer
MAX_ROWS = 2_000_000  # for forecasts from everywhere


@contextmanager
def as_read(
    path: Path, options: Any, sheet: str | None, every: int | None, window: int
) -> Iterator[tuple]:
    """(file, options) that `timeseries_csv` reads: the file itself, or a CSV of its rows.

    Args:
        path: a text file, a workbook or a Parquet file.
        options: of the recipe.
        sheet: of a workbook.
        every: steps between two forecasts; None: one, from the end.
        window: steps of history and horizon.

    Raises:
        UserError: `series-too-long`, with `every`.
    """
    kind = "folder" if path.is_dir() else file_kind.kind(path)
    if kind not in ("xlsx", "parquet") and path.stat().st_size <= SMALL_BYTES:
        yield path, options
        return
    form: dict[str, Any]
    if kind in ("xlsx", "parquet"):
        rows = sheets.stream(path, kind, Answers({"sheet": sheet} if sheet else {}))
        form = {"delimiter": ",", "decimal": ".", "thousands": None, "encoding": "utf-8"}
    else:
        rows = _text_rows(path, options)
        form = {"delimiter": ",", "encoding": "utf-8", "skip_lines": 0, "comment": None}
    with TemporaryDirectory() as folder:
        copy = Path(folder) / f"{path.name} as CSV"
        with copy.open("w", encoding="utf-8", newline="") as stream:
            remaining = _needed_rows(path, (cells for _, cells in rows), options, every, window)
            csv.writer(stream).writerows(remaining)
        yield copy, options.model_copy(update=form)


def _text_rows(path: Path, options: Any) -> Iterator[tuple[int, list[str]]]:
    rows = row_stream.rows(
        path, options.encoding, options.delimiter, quoting=bool(options.quoting),
        skip_lines=options.skip_lines, comment=options.comment,
    )  # fmt: skip
    for line, cells, problem in rows:
        if problem:
            raise UserError(
                "encoding-wrong", f"{problem}; save the file again", path=path, line=line
            )
        if tables.has_content(cells):
            yield line, cells


def _needed_rows(
    path: Path, rows: Iterable[list[str]], options: Any, every: int | None, window: int
) -> Iterator[list[str]]:
    """The rows above the data, and the last ones, or all, of the data."""
    rows, last = iter(rows), time.monotonic()
    for _ in range(options.header + options.units_row):
        if (row := next(rows, None)) is not None:
            yield row
    most = max(TAIL_ROWS, 2 * window) if every is None else MAX_ROWS + 1
    tail: deque[list[str]] = deque(maxlen=most)
    count = 0
    for count, row in enumerate(rows, 1):
        tail.append(row)
        if time.monotonic() - last > FILE_S / 3:
            last = time.monotonic()
            print(f"{path}: {count:,} rows read", file=sys.stderr, flush=True)
        if every is not None and count > MAX_ROWS:
            raise UserError(
                "series-too-long",
                f"more than {MAX_ROWS:,} rows; leave out --every, for a forecast from the end, or "
                "split the file, each part beginning with the history of its first forecast",
                path=path, key="--every", value=every,
            )  # fmt: skip
    if count > len(tail):
        print(f"{path}: the last {len(tail):,} of {count:,} rows are used", file=sys.stderr)
    yield from tail
