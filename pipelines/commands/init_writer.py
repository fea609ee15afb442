"""Adds blocks to the sections of a params file and leaves every other byte as it is."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from pipelines.config.errors import UserError
from pipelines.storage import atomic

EMPTY = "seed: 1\n" + "".join(
    f"\n{section}: {{}}\n"
    for section in ("downloads", "datasets", "warm_starts", "baselines", "experiments")
)
WIDTH = 100


class _Dumper(yaml.SafeDumper):
    """Repeated values are written out, not as references."""

    def ignore_aliases(self, data) -> bool:
        return True


def rendered(key: str, block: Mapping, comments: Sequence[str], indent: str = "  ") -> str:
    """A block under its key, with its comments above it; innermost mappings on one line."""
    body = yaml.dump(
        {key: dict(block)}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000,
        default_flow_style=None,
    )  # fmt: skip
    lines = [
        line for comment in comments
        for line in textwrap.wrap(comment, WIDTH - len(indent) - 2, break_long_words=False)
    ]  # fmt: skip
    return textwrap.indent("".join(f"# {line}\n" for line in lines) + body, indent)


def added(text: str, section: str, blocks: str, path: Path) -> str:
    """The text with the blocks at the end of a section.

    Raises:
        UserError: `section-in-braces` where the section is written in one line.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    nodes = {key.value: (key, value) for key, value in root.value} if root else {}
    if section not in nodes:
        return f"{text.rstrip()}\n\n{section}:\n{blocks}".lstrip("\n")
    key, value = nodes[section]
    lines = text.splitlines(keepends=True)
    if not value.value:
        at = key.start_mark.line
        head = lines[at][: key.end_mark.column]
        comment = lines[at][value.end_mark.column :].strip()
        new = f"{head}:{f'  {comment}' if comment.startswith('#') else ''}\n{blocks}"
        return "".join([*lines[:at], new, *lines[at + 1 :]])
    if value.flow_style:
        message = "written in braces; write one key a line, so that blocks can be added"
        raise UserError(
            "section-in-braces", message, path=path, line=key.start_mark.line + 1, key=section
        )
    indent = " " * value.start_mark.column
    if indent != "  ":
        blocks = textwrap.indent(textwrap.dedent(blocks), indent)
    end = min(value.end_mark.line, len(lines))
    while end > 0 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    if not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    return "".join([*lines[:end], blocks, *lines[end:]])


def write(path: Path, text: str) -> None:
    with atomic.file(path) as temporary:
        temporary.write_text(text, "utf-8")
