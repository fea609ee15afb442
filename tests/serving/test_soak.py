"""What the soak takes for a mistake."""

from types import SimpleNamespace

import pytest

from benchmarks import soak

FLAT = [100] * soak.VERSIONS


def client(newest: float = soak.VERSIONS - 1, wrong: str = "") -> SimpleNamespace:
    return SimpleNamespace(newest=newest, wrong=wrong)


@pytest.mark.parametrize(
    ("clients", "sizes", "sentence"),
    [
        ([client(), client(wrong="503: b''")], FLAT, "503: b''"),
        ([client(), client(wrong="no answer")], [100], "no answer"),
        ([client(), client(newest=7)], FLAT, "version 7 answered last, not 29"),
        ([client()], [*FLAT[:-1], 106], "memory grew from 100 to 106 bytes after the tenth swap"),
    ],
)
def test_a_mistake_is_named(clients, sizes, sentence):
    assert soak.mistakes(clients, sizes) == [sentence]


def test_growth_before_the_tenth_swap_is_none():
    assert soak.mistakes([client()], [50] * soak.SWAPS_TO_SETTLE + FLAT[:20]) == []
