"""The floors of pyproject.toml hold, and the house has no more rooms than a reader can remember."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import rooms

FLOORS = [{"top"}, {"left", "right"}, {"bottom"}]
DOWN = {("top", "left"): {("top.a", "left.b")}, ("left", "bottom"): {("left.b", "bottom.c")}}


def test_the_contracts_of_pyproject_hold():
    """In a process of its own: the linter keeps the standard output that it started with."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=rooms.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_house_has_few_rooms_and_no_arrow_upwards(capsys):
    assert rooms.main() == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("module", "room"),
    [
        ("benchmarks.peers.mnist", "benchmarks"),
        ("models.lenet", "models"),
        ("models.layers.attention", "models.layers"),
        ("pipelines.tasks.translation.score", "pipelines.tasks"),
        ("pipelines.spec", "pipelines.spec"),
        ("serving.rest.app", "serving.rest"),
    ],
)
def test_the_room_of_a_module(module, room):
    assert rooms.room(module) == room


def test_arrows_downwards_are_no_problem():
    assert rooms.problems({"top", "left", "right", "bottom"}, DOWN, [*FLOORS, {"models"}]) == []


@pytest.mark.parametrize(
    ("arrow", "problem"),
    [
        (("bottom", "top"), "bottom imports top, which is above it"),
        (("bottom", "left"), "a circle among bottom, left"),
        (("left", "attic"), "attic is on no floor"),
    ],
)
def test_what_is_wrong_with_a_house(arrow, problem):
    imports = {**DOWN, arrow: {("a", "b")}}
    names = {name for pair in imports for name in pair}
    sentences = rooms.problems(names, imports, [*FLOORS, {"models"}])
    assert any(sentence.startswith(problem) for sentence in sentences)


def test_too_many_rooms(monkeypatch):
    monkeypatch.setattr(rooms, "MAX_ROOMS", 2)
    sentences = rooms.problems({"top", "left", "bottom"}, DOWN, [*FLOORS, {"models"}])
    assert sentences == ["3 rooms in and around pipelines, at most 2 are allowed"]
