"""Looks at data and writes its blocks into the params file: `python -m pipelines init PATH`.

What is ambiguous is asked; with `--yes` it is refused, with all readings and the option that
settles it. A source that no recipe reads as it is (a workbook, thousands separators, blank rows) is
written into `sources/` as a CSV, and the blocks name that file. Before anything is written,
`prepare` is run on the data set once, into a temporary folder.
"""

import argparse
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from pipelines.commands import init_proposal, init_writer
from pipelines.config.errors import UserError
from pipelines.preparation.data_report import findings
from pipelines.preparation.inspection import sources
from pipelines.preparation.inspection.questions import Answers, Question
from pipelines.preparation.inspection.source import Source

# Options that settle a question or name a column; the key of a question is its option.
OPTIONS = {
    "task": "text_classification, image_classification, forecasting and so on",
    "text": "column of the texts", "label": "column of the labels", "time": "column of the times",
    "values": "columns to forecast: A,B,C", "pair": "columns or languages: SOURCE,TARGET",
    "positive": "class to detect", "encoding": "such as utf-8 or cp1252",
    "delimiter": "comma, semicolon, tab, bar or a character", "header": "yes or no",
    "decimal": "the decimal mark: . or ,", "time-format": "as strptime has it: %%d/%%m/%%Y",
    "frequency": "step of a series: h, D, MS", "horizon": "steps to forecast",
    "gaps": "interpolate or after", "duplicates": "first, last or mean", "series": "which to read",
    "not-numbers": "missing", "sheet": "sheet of a workbook", "ragged": "drop",
    "label-variants": "merge or keep", "conflicts": "drop or first",
    "rare-classes": "drop or merge", "empty-classes": "leave-out", "bad-files": "skip",
    "files": "which files", "rate": "samples a second to convert sounds to",
    "ignore": "255 where it marks pixels without a class, else none",
    "train": "file of train", "val": "file of val", "test": "file of test",
}  # fmt: skip


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 -m pipelines init", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH",
                        help="a table, a zip, a folder, or two aligned files")  # fmt: skip
    parser.add_argument("--minutes", type=float, default=10.0, help="for all experiments (10)")
    parser.add_argument("--yes", action="store_true", help="ask nothing, write at once")
    parser.add_argument("--name", help="key of the data set; default: the file's name")
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="for the data report")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), metavar="FILE")
    settle = parser.add_argument_group("options that settle what is ambiguous")
    for name, meaning in OPTIONS.items():
        settle.add_argument(f"--{name}", help=meaning, metavar="X")
    options = parser.parse_args(arguments)
    if len(options.paths) > 2:
        parser.error("give one path, or two aligned files")
    if not options.minutes > 0:
        parser.error("--minutes must be above 0")
    return options


def run(arguments: Sequence[str]) -> None:
    """Inspects, shows, asks and writes.

    Raises:
        UserError: for what cannot be read, is ambiguous under --yes, or would not prepare.
    """
    options = parse(arguments)
    given = {name: getattr(options, name.replace("-", "_")) for name in OPTIONS}
    answers = Answers(
        {name: value for name, value in given.items() if value is not None},
        None if options.yes else ask,
    )
    source = sources.inspect(options.paths, answers)
    proposal = init_proposal.propose(source, options, answers)
    show(source, proposal)
    if options.report:
        findings.write(options.report, source.report)
    rows = init_proposal.verify(proposal, options.params)
    print(f"`prepare` runs on it ({rows} rows in train, val and test).")
    if not options.yes and not confirm(f"Write these blocks to {options.params}? [Y/n] "):
        print("Nothing was written.")
        return
    init_proposal.write(proposal, options.params)
    print(f"Written to {options.params}. Next: make repro")


def ask(question: Question) -> str:
    """One of the question's answers, from a person at the terminal."""
    place = f"{question.path}{f', line {question.line}' if question.line else ''}"
    print(f"\n{place}: {question.message}")
    for number, reading in enumerate(question.readings, 1):
        print(f"  {number}  {reading.answer}: {reading.meaning}")
    while True:
        answer = _input(f"1 to {len(question.readings)}? (--{question.key}) ")
        if answer in question.answers:
            return answer
        if answer.isdigit() and 1 <= int(answer) <= len(question.readings):
            return question.answers[int(answer) - 1]


def confirm(prompt: str) -> bool:
    return _input(prompt).casefold() in ("", "y", "yes")


def _input(prompt: str) -> str:
    try:
        return input(prompt).strip()
    except EOFError:
        message = "no answer: the input has ended; use --yes and options in scripts"
        raise UserError("answer-missing", message) from None


def show(source: Source, proposal: init_proposal.Proposal) -> None:
    """What was taken for what, the data report, and the blocks."""
    print(f"{source.path}\n")
    for reason in source.reasons:
        print(textwrap.fill(reason, 100, initial_indent="  ", subsequent_indent="      "))
    print(f"\nData report\n{findings.as_text(source.report)}")
    if proposal.files is not None:
        print(f"{proposal.source} will be written: what the recipe reads.\n")
    for section, entries in proposal.blocks.items():
        print(f"{section}:")
        print("".join(init_writer.rendered(*entry) for entry in entries))
    for note in proposal.notes:
        print(f"note: {note}")
    sys.stdout.flush()
