"""The README's few rows are those of docs/results.json."""

import json
from pathlib import Path

import pytest

from pipelines.commands import readme_rows
from pipelines.config.errors import UserError

ROOT = Path(__file__).parents[2]


def test_the_page_shows_the_rows_of_the_results_file():
    rows = json.loads((ROOT / "docs/results.json").read_text("utf-8"))["rows"]
    text = (ROOT / "README.md").read_text("utf-8")
    assert readme_rows.with_rows(text, rows) == text
    keys = readme_rows.MARKED.search(text)["keys"].split(", ")
    assert len(keys) == 5
    assert set(keys) <= {row["experiment"] for row in rows}


def test_an_experiment_without_results_has_no_row():
    page = "a\n<!-- results of net: by a script -->\nold\n<!-- end of results -->\nb\n"
    text = readme_rows.with_rows(page, [])
    assert "old" not in text and "| experiment |" in text
    assert text.startswith("a\n") and text.endswith("\nb\n")


def test_a_page_without_its_markers_is_refused():
    with pytest.raises(UserError) as error:
        readme_rows.with_rows("no markers", [])
    assert (error.value.code, error.value.path) == ("marker-missing", "README.md")
