"""Every path, function and experiment that course/README.md names exists."""

import ast
import functools
import re
from pathlib import Path

import pytest
import yaml

from tests.support.defaults import published

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "course/README.md"
PARAMS = ("params.yaml", "course/params.yaml", "benchmarks/params.yaml")
TEXT = PAGE.read_text("utf-8")
LINKS = sorted(set(re.findall(r"\[([^\]]+)\]\(([^)#]+)\)", TEXT)))
# Fewer rows of a deck mean that an idea was dropped.
ROWS_OF_DECKS = {"000": 50, "001": 25, "002": 36, "003": 39, "004": 48}
# | deck | idea | code | experiments | figure or test |
ROWS = [line.strip("| ").split(" | ") for line in TEXT.splitlines() if re.match(r"\| 00", line)]


@functools.cache
def experiments() -> set[str]:
    """The root's are also known by their published results: a user may have replaced them."""
    files = [yaml.safe_load((ROOT / name).read_text("utf-8")) for name in PARAMS]
    return published() | {key for values in files for key in values["experiments"]}


def definitions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@pytest.mark.parametrize(("name", "target"), LINKS)
def test_every_link_leads_to_a_file_and_every_function_is_in_it(name, target):
    path = (PAGE.parent / target).resolve()
    assert path.is_relative_to(ROOT) and path.exists(), target
    if path.suffix == ".py" and name.isidentifier():
        assert name in definitions(path), f"{target} defines no {name}"


@pytest.mark.parametrize("row", ROWS, ids=[row[1] for row in ROWS])
def test_every_row_names_code_and_experiments_that_exist(row):
    _, _, code, named, shown = row
    assert "](../" in code and shown
    keys = re.findall(r"`([^`]+)`", named)
    assert keys or named.startswith("all")
    assert set(keys) <= experiments()


def test_no_idea_of_a_deck_is_dropped():
    decks = [deck for row in ROWS for deck in row[0].split(", ")]
    assert set(decks) == set(ROWS_OF_DECKS)
    for deck, count in ROWS_OF_DECKS.items():
        assert decks.count(deck) >= count, deck
    ideas = [row[1] for row in ROWS]
    assert len(set(ideas)) == len(ideas)


def test_every_experiment_of_the_course_is_in_the_table():
    experiments = yaml.safe_load((ROOT / "course/params.yaml").read_text("utf-8"))["experiments"]
    # Classical models are what the ideas are compared with.
    course = {k for k, block in experiments.items() if not block["module"].startswith("classical/")}
    named = {key for row in ROWS for key in re.findall(r"`([^`]+)`", row[3])}
    assert course <= named
