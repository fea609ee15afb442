"""A finding of the data report, and the report as text and as JSON."""

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

MAX_EXAMPLES = 5
MAX_EXAMPLE_CHARACTERS = 80
MAX_LINES = 10
REPORT_TEXT, REPORT_JSON = "report.txt", "report.json"
MARKS = {"info": " ", "warning": "!", "error": "X"}


@dataclass(frozen=True)
class Finding:
    """One thing to know of a data set.

    Args:
        code: a stable name of the kind, in kebab case: `near-duplicates`.
        severity: info: a number to know; warning: may hurt a model or flatter a score; error:
            `prepare` refuses it.
        count: how many rows, cells or files it concerns.
        message: one sentence.
        examples: the first few, with their places.
    """

    code: str
    severity: Literal["info", "warning", "error"]
    count: int
    message: str
    examples: tuple[str, ...] = ()


def first(examples: Iterable[object]) -> tuple[str, ...]:
    """The first few examples, shortened."""
    return tuple(shorten(str(example)) for example in islice(examples, MAX_EXAMPLES))


def shorten(text: str, limit: int = MAX_EXAMPLE_CHARACTERS) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def evenly_spread(count: int, limit: int) -> Sequence[int]:
    """At most `limit` of `count` row numbers."""
    return range(count) if count <= limit else [n * count // limit for n in range(limit)]


def accepted(findings: Iterable[Finding]) -> list[Finding]:
    """Errors as warnings: of data that the options of `prepare` allow all the same."""
    return [
        replace(finding, severity="warning") if finding.severity == "error" else finding
        for finding in findings
    ]


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then warnings; otherwise in the order given."""
    order = list(reversed(MARKS))
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def as_text(findings: Sequence[Finding]) -> str:
    """One line a finding, its examples indented below."""
    lines = []
    for finding in by_severity(findings):
        lines.append(f"{MARKS[finding.severity]} {finding.code}: {finding.message}")
        lines += [f"      {example}" for example in finding.examples]
    return "".join(f"{line}\n" for line in lines)


def as_json(findings: Sequence[Finding]) -> str:
    """{"version": 1, "findings": [...]}, for programs."""
    entries = [asdict(finding) for finding in by_severity(findings)]
    return json.dumps({"version": 1, "findings": entries}, indent=1, ensure_ascii=False) + "\n"


def write(folder: Path, findings: Sequence[Finding]) -> None:
    """report.txt and report.json in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REPORT_TEXT).write_text(as_text(findings), "utf-8")
    (folder / REPORT_JSON).write_text(as_json(findings), "utf-8")


def read(folder: Path) -> list[Finding]:
    """The findings of a folder's report.json; none where there is no report."""
    path = folder / REPORT_JSON
    if not path.is_file():
        return []
    entries = json.loads(path.read_text("utf-8"))["findings"]
    return [Finding(**{**entry, "examples": tuple(entry["examples"])}) for entry in entries]


def in_short(findings: Sequence[Finding], full_report: Path) -> list[str]:
    """A line for each finding that may hurt, MAX_LINES at most; the last one names the report."""
    lines = [
        textwrap.shorten(f"{MARKS[finding.severity]} {finding.code}: {finding.message}", 100)
        for finding in by_severity(findings)
        if finding.severity != "info"
    ]
    if not lines:
        return []
    shown = lines[: MAX_LINES - 1]
    more = (
        f"{len(lines) - len(shown)} more, and examples: " if lines[len(shown) :] else "examples: "
    )
    return [*shown, f"  {more}{full_report}"]
