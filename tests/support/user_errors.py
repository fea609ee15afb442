"""Asserts what a UserError says by its fields; the wording is not asserted."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.commands import check as check_command
from pipelines.config.errors import UserError


def check(error: UserError, code: str, **expected) -> None:
    """expected: of path, line, key and value, those that matter."""
    assert error.code == code, str(error)
    assert {name: getattr(error, name) for name in expected} == expected, str(error)


def checked(path: Path | str) -> None:
    """`check` of a params file, with its first mistake raised."""
    for mistake in check_command.inspect(Path(path))[1]:
        raise mistake


@contextmanager
def user_error(code: str, **expected) -> Iterator[None]:
    """The block must raise a UserError of this code, path, line, key and value."""
    with pytest.raises(UserError) as caught:
        yield
    check(caught.value, code, **expected)
