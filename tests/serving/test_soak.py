"""What the soak test reports as a failure."""

from types import SimpleNamespace

import pytest

from benchmarks import soak

FLAT = [100] * soak.VERSIONS


def client(newest: float = soak.VERSIONS - 1, error: str = "") -> SimpleNamespace:
    return SimpleNamespace(newest=newest, error=error)


@pytest.mark.parametrize(
    ("clients", "sizes", "message"),
    [
        ([client(), client(error="503: b''")], FLAT, "503: b''"),
        ([client(), client(error="no answer")], [100], "no answer"),
        ([client(), client(newest=7)], FLAT, "version 7 answered last, not 29"),
        (
            [client()],
            [*FLAT[:-1], 106],
            "memory grew from 100 to 106 bytes after the tenth publication",
        ),
    ],
)
def test_a_failure_is_reported(clients, sizes, message):
    assert soak.find_failures(clients, sizes) == [message]


def test_growth_before_the_tenth_publication_is_accepted():
    assert soak.find_failures([client()], [50] * soak.WARM_UP_VERSIONS + FLAT[:20]) == []
