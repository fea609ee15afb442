"""Asserts what a UserError says by its fields; the wording is not asserted."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipelines.config.errors import UserError


def check(error: UserError, code: str, **expected) -> None:
    """expected: of path, line, key and value, those that matter."""
    assert error.code == code, str(error)
    assert {name: getattr(error, name) for name in expected} == expected, str(error)


@contextmanager
def user_error(code: str, **expected) -> Iterator[None]:
    """The block must raise a UserError of this code, path, line, key and value."""
    with pytest.raises(UserError) as caught:
        yield
    check(caught.value, code, **expected)
