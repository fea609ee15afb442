"""The page of the drills shows their numbers; the functions that they use are tested."""

import json
import re
from pathlib import Path

import pytest

from benchmarks.drills import __main__ as drills
from benchmarks.drills import copies, kills
from benchmarks.drills.counts import Count

PAGE = drills.PAGE.read_text("utf-8")
VALUES = json.loads(drills.FILE.read_text("utf-8"))


def test_the_table_shows_the_numbers():
    block = PAGE.split(drills.BEGIN)[1].split(drills.END)[0].strip()
    assert block == drills.table(VALUES)


def test_every_attempt_succeeded():
    assert {f"kill -9 in {stage}" for stage in kills.STAGES} <= VALUES.keys()
    for name, count in VALUES.items():
        assert count["tried"] > 0, name
        assert count["survived"] == count["tried"], name
        assert count["seconds"] > 0, name


def test_every_test_and_target_that_the_page_names_exists():
    tests = {path.name: path.read_text("utf-8") for path in Path(__file__).parents[1].rglob("*.py")}
    for name in re.findall(r"`(test_\w+)`", PAGE):
        assert any(f"def {name}(" in text for text in tests.values()), name
    for name in re.findall(r"`(test_\w+\.py)`", PAGE):
        assert name in tests
    for target in re.findall(r"`make (\w+)`", PAGE):
        assert re.search(rf"^{target}:", (copies.ROOT / "Makefile").read_text("utf-8"), re.M)


def test_counting_resumes(tmp_path):
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
def test_hashes_leave_out_random_content_only(tmp_path, change, same):
    values = {"run_id": "a", "digest": "b", "labels": ["ham", "spam"]}
    one, two = tmp_path / "signature.json", tmp_path / "other.json"
    one.write_text(json.dumps(values))
    two.write_text(json.dumps({**values, **change}, indent=1))
    assert (copies.digest(one) == copies.digest(two)) is same
