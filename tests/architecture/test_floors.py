"""The floors of pyproject.toml hold, and the house has no more rooms than a reader can remember."""

import pytest
from importlinter import cli

from benchmarks import rooms

FLOORS = [{"top"}, {"left", "right"}, {"bottom"}]
DOWN = {("top", "left"): {("top.a", "left.b")}, ("left", "bottom"): {("left.b", "bottom.c")}}


def test_the_contracts_of_pyproject_hold(capsys, monkeypatch):
    monkeypatch.chdir(rooms.ROOT)
    assert cli.lint_imports(no_cache=True) == 0, capsys.readouterr().out


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
