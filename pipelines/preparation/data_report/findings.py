"""A finding of the data report, and the report as text and as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

MAX_EXAMPLES = 5
MAX_EXAMPLE_CHARACTERS = 80
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
    (folder / "report.txt").write_text(as_text(findings), "utf-8")
    (folder / "report.json").write_text(as_json(findings), "utf-8")
