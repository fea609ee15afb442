"""How much of a long test is done: a tenth at every change, all of it every night."""

import os

import pytest

FULL = os.environ.get("FULL_TESTS") == "1"
SHARE = 10  # a test of a change does one in so many
nightly = pytest.mark.skipif(not FULL, reason="every night, with FULL_TESTS=1")


def scaled(full: int) -> int:
    """A number of examples: `full` with FULL_TESTS=1, otherwise a tenth of it."""
    return full if FULL else max(1, full // SHARE)


def one_of_each(cases: list, key) -> list:
    """All cases with FULL_TESTS=1, otherwise the first case of every value of `key(case)`."""
    if FULL:
        return cases
    first = {}
    for case in cases:
        first.setdefault(key(case), case)
    return list(first.values())
