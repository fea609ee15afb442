"""What each option means, from docstrings: three ways in which this code writes it down.

Args:                      functions: name, a colon, the meaning; more lines are indented
name: the meaning.         classes of options: sentences that begin with names and a colon
name, other    meaning     modules: a table of names and meanings; more lines are indented
"""

import ast
import inspect
import re
from collections.abc import Collection

_ROW = re.compile(r" {4}(\w+(?:, \w+)*)(?:,| {2,})\s*(\S.*)?")


def of_function(function: ast.FunctionDef) -> dict[str, str]:
    """Argument -> meaning, from the `Args:` block of the docstring."""
    return of_arguments(ast.get_docstring(function) or "")


def of_arguments(text: str) -> dict[str, str]:
    """Name -> meaning, from the `Args:` block of a docstring; nothing where there is none."""
    block = re.search(r"^Args:\n(.*?)(?=\n\S|\Z)", text, re.DOTALL | re.MULTILINE)
    meanings: dict[str, list[str]] = {}
    names: list[str] = []
    for line in block[1].splitlines() if block else ():
        match = re.fullmatch(r" {4}(\w+(?:, \w+)*): *(.*)", line)
        if match:
            names = match[1].split(", ")
            meanings |= {name: [match[2]] for name in names}
        else:
            for name in names:
                meanings[name].append(line.strip())
    return {name: " ".join(filter(None, lines)) for name, lines in meanings.items()}


def of_class(model: type, fields: Collection[str]) -> dict[str, str]:
    """Field -> meaning, from the docstrings of a class and of those that it inherits from."""
    meanings: dict[str, str] = {}
    for base in reversed(inspect.getmro(model)):
        if base.__module__.startswith(("pydantic", "builtins")) or "__doc__" not in vars(base):
            continue
        text = inspect.cleandoc(base.__doc__ or "")
        meanings |= of_arguments(text) or of_sentences(text, fields)
    return meanings


def of_sentences(text: str, fields: Collection[str]) -> dict[str, str]:
    """Field -> meaning, of text such as `size: in bytes. name, title: what it is called`."""
    text = " ".join(text.split())
    group = rf"(?:{'|'.join(sorted(map(re.escape, fields), key=len, reverse=True)) or '$^'})"
    starts = list(re.finditer(rf"(?:^|(?<=[.;:)] ))({group}(?:(?:, | and ){group})*): ", text))
    meanings = {}
    ends = [start.start() for start in starts[1:]] + [len(text)]
    for start, end in zip(starts, ends, strict=False):
        meaning = text[start.end() : end].strip().rstrip(".;")
        meanings |= dict.fromkeys(re.split(", | and ", start[1]), meaning)
    return meanings


def of_module(text: str) -> dict[str, str]:
    """Name -> meaning, from the table of options in a module's docstring."""
    meanings: dict[str, str] = {}
    names: list[str] = []
    for line in text.splitlines():
        match = _ROW.fullmatch(line)
        if match:
            names = match[1].split(", ")
            meanings |= dict.fromkeys(names, match[2] or "")
        elif names and line.startswith(" " * 8):
            meanings |= {name: f"{meanings[name]} {line.strip()}".strip() for name in names}
        else:
            names = []
    return meanings
