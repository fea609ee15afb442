"""Names say what they hold, and text uses the terms of the field."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("pipelines", "models", "serving", "benchmarks")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
SCRIPTS = sorted((ROOT / "serving/page").glob("*.js"))
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("course/*.md")]
    + [*ROOT.glob("benchmarks/**/*.md"), *ROOT.glob("serving/page/*.html")]
)
# They say only that there is a value.
VAGUE = {"found", "own", "said", "told", "each", "chosen", "wanted", "kept", "about", "where"}
# The field says: image, baseline.
NOT_THE_TERM = re.compile(r"(^|_)(pictures?|yardsticks?)(_|$)")
# Where a machine would be a classifier, not a computer.
CLASSIFIERS = ("models", "pipelines/classical", "pipelines/tasks")
HOME_MADE = re.compile(
    r"\b(stands?|mend(s|ed|ing)?|anew|afresh|whoever|likeliest|pictures?|yardsticks?|crown(s|ed)?)\b",
    re.IGNORECASE,
)
# Terms that hold such a word and are the field's.
ALLOWED = re.compile(r"\bstand(s|ing)? (for|alone)\b|\bstandard\b|big picture", re.IGNORECASE)


def identifiers(path: Path):
    """(line, name) of everything that a file gives a name to."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_name_is_vague(path):
    names = [
        f"line {line}: {name}"
        for line, name in identifiers(path)
        if name.strip("_").lower() in VAGUE or NOT_THE_TERM.search(name.lower())
    ]
    if path.relative_to(ROOT).as_posix().startswith(CLASSIFIERS):
        names += [name for _, name in identifiers(path) if "machine" in name.lower().split("_")]
    assert names == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_name_of_the_page_is_vague(path):
    text = path.read_text("utf-8")
    names = re.findall(r"\b(?:const|let|var|function)\s+(\w+)", text)
    assert {name for name in names if name.lower() in VAGUE} == set()


def prose(path: Path) -> str:
    """The text of a page; of a source file its comments and strings alone."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        return text
    kinds = (tokenize.COMMENT, tokenize.STRING)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return "\n".join(token.string for token in tokens if token.type in kinds)


@pytest.mark.parametrize(
    "path", [*SOURCES, *SCRIPTS, *PAGES], ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_word_is_home_made(path):
    text = ALLOWED.sub("", prose(path))
    assert sorted({match[0].lower() for match in HOME_MADE.finditer(text)}) == []
