"""Which reader a file needs: by the kinds of the model's inputs, the file, and the recipe."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipelines.commands.prediction import files, readings, series, tables
from pipelines.commands.prediction.columns import Layout
from pipelines.commands.prediction.model import ExportedModel
from pipelines.commands.prediction.rows import Source
from pipelines.config import loader
from pipelines.config.errors import UserError, one_of
from pipelines.preparation import row_stream
from pipelines.preparation.inspection import file_kind

FORMATS = ("table", "lines", "labelled-lines", "jsonl", "xlsx", "parquet", "files")
JSON_ENDINGS, LINE_ENDINGS = (".jsonl", ".ndjson", ".json"), (".txt",)
TABLE_ENDINGS = (".csv", ".tsv", ".tab")
LOOKED_AT = 100  # lines, to see whether all begin with a label


def open_source(
    path: Path, model: ExportedModel, *, is_stdin: bool = False, form: str | None = None,
    sheet: str | None = None, every: int | None = None,
) -> Source:  # fmt: skip
    """The requests of a file, folder or archive.

    Args:
        path: where they are; what was sent on standard input is in a file as well.
        model: whose inputs they are.
        is_stdin: whether they were sent on standard input: lines of text, if nothing shows more.
        form: one of FORMATS; None: what file and recipe show.
        sheet: of a workbook.
        every: steps between two windows of a series.
    """
    options = options_of(model)
    kinds = {str(tensor.get("kind")) for tensor in model.inputs.values()}
    kind = "folder" if path.is_dir() else file_kind.kind(path)
    form = form or _form(path, kind, kinds, options, is_stdin)
    if form == "jsonl":
        return Arrays(path, Layout(model.inputs, options), model)
    if kinds == {"series"} and model.judges_series:
        return readings.Readings(path, model.inputs, model.reading, options, every)
    if "series" in kinds and kinds <= {"series", "covariates"}:
        return series.Windows(path, model.inputs, model.reading, options, every, sheet)
    if every is not None:
        raise UserError("option-unused", "is for time series alone; leave it out", key="--every")
    if form == "files":
        return _files(path, kinds, model, options)
    layout = Layout(model.inputs, options)
    if not layout.is_of_cells:
        wanted_kinds = ", ".join(sorted(kinds - {"text", "number"}))
        raise UserError(
            "input-unsupported",
            f"the model takes inputs of kind {wanted_kinds}, which a table does not have; give "
            "JSON lines with its request inputs as names, or a folder of files",
            path=path, value=wanted_kinds,
        )  # fmt: skip
    if form == "parquet":
        return tables.Parquet(path, layout)
    if form == "xlsx":
        return tables.Workbook(path, layout, sheet)
    if form == "table":
        return tables.Delimited(path, layout, options)
    return _lines(path, layout, options, model, form)


def options_of(model: ExportedModel) -> Any:
    """The options of the recipe with which the model's data was read.

    Raises:
        UserError: `options-unknown`, the recipe has changed since then.
    """
    reading = model.reading
    try:
        return loader.recipe(reading["recipe"]).Options.model_validate(reading["options"])
    except (ValidationError, ImportError) as error:
        first = str(error).splitlines()[0]
        raise UserError(
            "options-unknown",
            f"its data was read by another version of the recipe {reading['recipe']} ({first}); "
            "run the export stage again",
            path=model.name, key="reading.options", value=reading["recipe"],
        ) from None  # fmt: skip


def _form(path: Path, kind: str, kinds: set[str], options: Any, is_stdin: bool) -> str:
    ending = path.suffix.casefold()
    if kinds & set(files.BINARY) and kind not in ("json", "text"):
        return "files"
    if kind in ("xlsx", "parquet"):
        return kind
    if kind in ("folder", "zip") or (kind in ("gzip", "binary") and files.is_archive(path)):
        return "files"
    if kind == "json" or ending in JSON_ENDINGS:
        return "jsonl"
    if kind not in ("text", "gzip"):
        raise file_kind.refuse(path, kind)
    if is_stdin:
        return "lines"
    is_table = hasattr(options, "delimiter") and not getattr(options, "files", None)
    if ending in TABLE_ENDINGS or (is_table and ending not in LINE_ENDINGS):
        return "table"
    if is_table and _has_column(path, options):
        return "table"
    return "files" if hasattr(options, "folders") else "lines"


def _has_column(path: Path, options: Any) -> bool:
    """Whether a .txt file's first line has the delimiter and the column that the model reads."""
    first = row_stream.head(path, getattr(options, "encoding", "utf-8")).split("\n", 1)[0]
    column = getattr(options, "text", getattr(options, "source", None))
    cells = [cell.strip().strip('"') for cell in first.split(options.delimiter)]
    return column in cells if isinstance(column, str) else len(cells) > 1


def _files(path: Path, kinds: set[str], model: ExportedModel, options: Any) -> Source:
    if len(model.inputs) != 1 or not kinds <= {"text", *files.BINARY}:
        shown = ", ".join(sorted(kinds))
        raise UserError(
            "input-unsupported",
            f"the model takes {shown}; a folder of files gives one text, image or sound a row",
            path=path, value=shown,
        )  # fmt: skip
    return files.Files(path, model.inputs, options)


def _lines(path: Path, layout: Layout, options: Any, model: ExportedModel, form: str) -> Source:
    if len(layout.kinds) != 1:
        names = ", ".join(layout.columns.values())
        raise UserError(
            "input-unsupported",
            f"lines of text give one input, and the model reads {names}; give a table, or "
            f"--format: {one_of(form, FORMATS)}",
            path=path, key="--format", value=form,
        )  # fmt: skip
    labels = [str(name) for name in (getattr(options, "labels", None) or model.labels)]
    if form == "lines" and not (_is_of_labelled_lines(options) and _all_labelled(path, labels)):
        labels = []
    return tables.Lines(path, layout, options, labels)


def _is_of_labelled_lines(options: Any) -> bool:
    """Whether the model's data may have been lines that begin with their label (text_lines)."""
    entries = getattr(options, "files", None) or {"": ""}
    is_plain = hasattr(options, "labels") and not hasattr(options, "delimiter")
    return is_plain and any(isinstance(entry, str) for entry in entries.values())


def _all_labelled(path: Path, labels: list[str]) -> bool:
    """Whether the first lines begin with a label each.

    Raises:
        UserError: `lines-ambiguous`, where most of them do, but not all.
    """
    lines = row_stream.lines(path, "latin-1")
    texts = [cells[0] for _, (_, cells, _) in zip(range(LOOKED_AT), lines, strict=False)]
    firsts = [text.split(maxsplit=1)[0] for text in texts if text.strip()]
    labelled = sum(first in labels for first in firsts)
    if labelled < len(firsts) and 2 * labelled > len(firsts):
        raise UserError(
            "lines-ambiguous",
            f"{labelled} of the first {len(firsts)} lines begin with a label of the model; give "
            "--format labelled-lines to leave out the first word of all, or --format lines",
            path=path, key="--format", value=labelled,
        )  # fmt: skip
    return bool(firsts) and labelled == len(firsts)


class Arrays(tables.JsonLines):
    """JSON lines whose inputs may also be arrays, as a client sends them."""

    def __init__(self, path: Path, layout: Layout, model: ExportedModel):
        super().__init__(path, layout)
        self.shapes = {
            name: tensor["shape"][1:]
            for name, tensor in model.inputs.items()
            if layout.kinds[name] not in ("text", "number") and tensor["dtype"] != "string"
        }

    def requests(self):
        for row in super().requests():
            problem = None if isinstance(row, tables.BadRow) else self._problem(row)
            yield tables.BadRow(row.place, problem) if problem else row

    def _problem(self, row: tables.Request) -> str | None:
        return tables.check_arrays(row, self.shapes)
