"""The drills' page is their numbers; what the drills rest on does what it should."""

import json
import re
from pathlib import Path

import pytest

from benchmarks.drills import __main__ as drills
from benchmarks.drills import copies, kills
from benchmarks.drills.counts import Count

PAGE = drills.PAGE.read_text("utf-8")
VALUES = json.loads(drills.FILE.read_text("utf-8"))


def test_the_table_is_that_of_the_numbers():
    block = PAGE.split(drills.BEGIN)[1].split(drills.END)[0].strip()
    assert block == drills.table(VALUES)


def test_all_that_was_tried_survived():
    assert {f"kill -9 in {stage}" for stage in kills.STAGES} <= VALUES.keys()
    for name, about in VALUES.items():
        assert about["tried"] > 0, name
        assert about["survived"] == about["tried"], name
        assert about["seconds"] > 0, name


def test_every_test_and_target_that_the_page_names_exists():
    tests = {path.name: path.read_text("utf-8") for path in Path(__file__).parents[1].rglob("*.py")}
    for name in re.findall(r"`(test_\w+)`", PAGE):
        assert any(f"def {name}(" in text for text in tests.values()), name
    for name in re.findall(r"`(test_\w+\.py)`", PAGE):
        assert name in tests
    for target in re.findall(r"`make (\w+)`", PAGE):
        assert re.search(rf"^{target}:", (copies.ROOT / "Makefile").read_text("utf-8"), re.M)


def test_counting_goes_on_where_it_was(tmp_path):
    file = tmp_path / "reliability.json"
    Count.load("kill", file).add(True, 1.25, lost_s=0.5)
    other = Count.load("other", file)
    other.set(3, 2, 9.0)
    again = Count.load("kill", file)
    again.add(False, 2.0, lost_s=1.5, name="a")
    assert (again.tried, again.survived, again.lost_s, again.names) == (2, 1, [0.5, 1.5], ["a"])
    assert json.loads(file.read_text())["other"]["survived"] == 2
    lines = drills.table(json.loads(file.read_text())).splitlines()
    assert lines[2].startswith("| kill | 2 | 1 | 3 | 1.0 (at most 1.5) | ")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"run_id": "another"}, True),
        ({"digest": "another"}, True),
        ({"labels": ["ham", "eggs"]}, False),
        ({"more": 1}, False),
    ],
)
def test_hashes_leave_out_what_is_drawn_and_nothing_else(tmp_path, change, same):
    values = {"run_id": "a", "digest": "b", "labels": ["ham", "spam"]}
    one, two = tmp_path / "signature.json", tmp_path / "other.json"
    one.write_text(json.dumps(values))
    two.write_text(json.dumps({**values, **change}, indent=1))
    assert (copies.digest(one) == copies.digest(two)) is same
