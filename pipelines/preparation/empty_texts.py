"""Rows without a text: counted, named by line, and refused or left out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pipelines.config.errors import UserError

MAX_SHOWN = 5  # places in a message
Empty = Literal["refuse", "drop"]


def settle(
    path: Path, what: str, places: Sequence[int | str], option: Empty, *, remaining: int
) -> None:  # fmt: skip
    """Refuses rows in which something is empty, or prints how many are left out.

    Args:
        path: the file or folder.
        what: "text", "label", "question", "time" and the like: what the first of them lacks.
        places: of these rows: lines, or names of files.
        option: refuse | drop.
        remaining: how many other rows there are.

    Raises:
        UserError: `text-empty` and the like; `rows-missing` where none would be left.
    """
    if not places:
        return
    is_line = isinstance(places[0], int)
    shown = ", ".join(map(str, places[:MAX_SHOWN])) + ", ..." * (len(places) > MAX_SHOWN)
    listed = f"{'lines' if is_line else 'files'} {shown}"
    if option == "refuse":
        raise UserError(
            f"{what}-empty",
            f"empty {what}; {len(places)} empty in all ({listed}); correct or remove them, or set "
            "empty: drop",
            path=path if is_line else path / places[0],
            line=places[0] if is_line else None, key="empty", value=len(places),
        )  # fmt: skip
    lacking = "text or label" if what in ("text", "label") else what
    print(f"{path}: {len(places)} dropped for an empty {lacking} ({listed})")
    if not remaining:
        raise UserError("rows-missing", "every row is empty; use another file", path=path)
