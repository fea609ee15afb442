"""The wording of every UserError, by its code, read from the source.

`python -m tests.support.messages` writes tests/messages.yaml after a change of wording.
"""

import ast
from collections import defaultdict
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "tests/messages.yaml"
ROOMS = ("pipelines", "models", "serving", "benchmarks")
UNKNOWN = "{...}"


def messages() -> dict[str, list[str]]:
    """Code -> the templates of its messages, in alphabetical order."""
    templates = defaultdict(set)
    for _, call in calls():
        code, message = (template(argument) for argument in call.args[:2])
        templates[code].add(message)
    return {code: sorted(templates[code]) for code in sorted(templates)}


def calls() -> list[tuple[str, ast.Call]]:
    """(place, call) of every UserError(code, message, ...) in the source."""
    result = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and _name(node.func) == "UserError":
                    result.append((f"{path.relative_to(ROOT)}:{node.lineno}", node))
    return result


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def template(node: ast.expr) -> str:
    """The text of a string expression, with `{name}` for what is known at run time only."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"
            for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return template(node.left) + template(node.right)
    return UNKNOWN


if __name__ == "__main__":
    text = yaml.safe_dump(messages(), allow_unicode=True, width=100, sort_keys=True)
    FILE.write_text("# Written by `python -m tests.support.messages`.\n" + text, "utf-8")
