"""`python -m pipelines predict MODEL FILE [--out FILE]`: an exported model on new data.

MODEL is an experiment's key, `champion:NAME` for the champion of a registered model (or of a data
set), or `champion` where there is only one. FILE is of the kind that the model's data was: a CSV,
TSV, Excel, Parquet or JSON lines file, a folder or zip of images or texts, lines of text, a time
series; `-` reads lines from standard input. It is read by the options of the data set.

All rows are looked at before the model is loaded; a bad one is reported with its place, and is
left out only with --skip-bad. The output has the file's columns and the model's answers, and is
either complete or absent.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from pipelines.commands.prediction import batches, progress, sources, writers
from pipelines.commands.prediction import model as models
from pipelines.commands.prediction.answers import Answers
from pipelines.commands.prediction.rows import BadRow, BadRows, Source
from pipelines.config.errors import UserError
from pipelines.storage import atomic

MASKS = "masks"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    description, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m pipelines predict", description=description.replace("`", ""), epilog=more
    )
    parser.add_argument("model", metavar="MODEL", help="a key, champion:NAME or champion")
    parser.add_argument("file", metavar="FILE", help="new data, or - for standard input")
    parser.add_argument(
        "--out", type=Path, metavar="FILE",
        help="a .csv, .tsv, .jsonl or .parquet file; default: CSV on standard output",
    )  # fmt: skip
    parser.add_argument("--skip-bad", action="store_true", help="leave out rows that are bad")
    parser.add_argument("--format", choices=sources.FORMATS, help="how to read FILE")
    parser.add_argument("--sheet", help="of an Excel workbook")
    parser.add_argument(
        "--every", type=int, metavar="STEPS",
        help="of a time series: a forecast every so many steps; default: from its end alone",
    )  # fmt: skip
    options = parser.parse_args(list(arguments))
    if options.every is not None and options.every < 1:
        parser.error("--every must be at least 1")
    return options


def run(arguments: Sequence[str]) -> None:
    """Reads, predicts and writes.

    Raises:
        UserError: a model or file that cannot be read, or bad rows without --skip-bad.
    """
    options = parse(arguments)
    writer = writers.by_ending(options.out)
    _check_paths(options)
    stdout = sys.stdout.buffer  # for the answers alone: what readers print is for people
    with redirect_stdout(sys.stderr), _input(options.file) as path:
        model = models.resolve(options.model)
        source = sources.open_source(
            path, model, is_stdin=options.file == "-", form=options.format, sheet=options.sheet,
            every=options.every,
        )  # fmt: skip
        _note(f"{model.name}: {_name(options)} is read as {source.description}")
        total, bad = _look(source, options)
        with _output(options.out, stdout) as target:
            _predict(model, source, target, writer, total, bad, options)


def _check_paths(options: argparse.Namespace) -> None:
    path = Path(options.file)
    if options.file != "-" and not path.exists():
        message = "no such file or folder; give one that exists, or - for standard input"
        raise UserError("file-missing", message, path=path)
    if options.out is not None and options.out.is_dir():
        raise UserError("out-is-folder", "a folder; give the name of a file", path=options.out)
    if options.out is not None and path.exists() and options.out.absolute() == path.absolute():
        raise UserError("out-is-input", "the input itself; give another name", path=options.out)


@contextmanager
def _input(name: str) -> Iterator[Path]:
    """The path of the input; standard input is put into a file, as it is read twice."""
    if name != "-":
        yield Path(name)
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "standard input"
        with path.open("wb") as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream)
        yield path


@contextmanager
def _output(out: Path | None, stdout: BinaryIO) -> Iterator[Path]:
    """The path to write to: of a file that replaces `out`, or is copied to standard output."""
    if out is not None:
        with atomic.file(out) as path:
            yield path
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "out.csv"
        yield path
        try:
            with path.open("rb") as stream:
                shutil.copyfileobj(stream, stdout)
            stdout.flush()
        except BrokenPipeError:  # `| head` has read enough
            with open(os.devnull, "wb") as nothing:  # noqa: PTH123
                os.dup2(nothing.fileno(), stdout.fileno())


def _look(source: Source, options: argparse.Namespace) -> tuple[int, BadRows]:
    """(rows to predict, bad rows), before the model is loaded."""
    total, bad = 0, BadRows()
    for row in source.requests():
        if isinstance(row, BadRow):
            bad.add(row)
        else:
            total += 1
    if bad.count and not options.skip_bad:
        raise _refused(bad, total + bad.count, options)
    if not total:
        problem = f"all {bad.count} rows are bad: {bad}" if bad.count else "no rows"
        raise UserError("rows-missing", f"{problem}; at least one is needed", path=_name(options))
    return total, bad


def _refused(bad: BadRows, rows: int, options: argparse.Namespace) -> UserError:
    return UserError(
        "rows-bad",
        f"{bad.count:,} of {rows:,} rows cannot be predicted: {bad}. Nothing was written; correct "
        "them, or leave them out with --skip-bad",
        path=_name(options), value=bad.count,
    )  # fmt: skip


def _predict(
    model: models.ExportedModel, source: Source, target: Path, writer: type[writers.Writer],
    total: int, bad: BadRows, options: argparse.Namespace,
) -> None:  # fmt: skip
    with ExitStack() as stack:
        answers = Answers(
            model.outputs, model.labels, model.reading["task_metadata"], source.names,
            _masks(model, options, stack),
        )  # fmt: skip
        _note_columns(answers)
        types: dict[str, Any] = writers.types_of(source.names, getattr(source, "schema", None))
        types |= {column.name: column.type for column in answers.columns}
        model.load()
        done, refused = progress.Progress(total), BadRows()
        with writer(target, types) as file:
            for batch in batches.of(source):
                for row, outputs in batches.outputs(model, batch):
                    if isinstance(row, BadRow):
                        refused.add(row)
                    else:
                        file.write(batches.rows(row, answers.rows(row.place, outputs)))
                done.advance(len(batch))
        done.clear()
        if refused.count and not options.skip_bad:
            raise _refused(refused, total, options)
    _note_end(done, bad, refused, options)


def _masks(
    model: models.ExportedModel, options: argparse.Namespace, stack: ExitStack
) -> tuple[Path, str] | None:
    """Where masks are written: a folder beside the output."""
    if "mask" not in {tensor.get("kind") for tensor in model.outputs.values()}:
        return None
    if options.out is None:
        message = "masks are written into a folder beside it; give --out FILE"
        raise UserError("out-missing", message, key="--out")
    folder = options.out.with_name(f"{options.out.stem}_{MASKS}")
    return stack.enter_context(atomic.folder(folder)), folder.name


def _name(options: argparse.Namespace) -> str:
    return "standard input" if options.file == "-" else options.file


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _note_columns(answers: Answers) -> None:
    for name, new in answers.renamed.items():
        _note(f"the file has a column {name!r}; the model's is written as {new!r}")
    for name in answers.left_out:
        _note(f"{name} of {len(answers.labels)} classes are left out; the label has its own")


def _note_end(
    done: progress.Progress, bad: BadRows, refused: BadRows, options: argparse.Namespace
) -> None:
    count, left_out = done.done - refused.count, bad.count + refused.count
    rate = done.done / max(done.seconds, 1e-9)
    place = f", written to {options.out}" if options.out else ""
    rows = f"{count:,} row{'' if count == 1 else 's'}"
    _note(f"{rows} in {progress.duration(done.seconds)} ({rate:,.0f} rows/s){place}")
    if left_out:
        shown = "; ".join(map(str, filter(lambda rows: rows.count, (bad, refused))))
        _note(f"{left_out:,} bad left out: {shown}")
