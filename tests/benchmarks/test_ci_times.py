"""The table of where CI's time goes."""

import pytest

from benchmarks import ci_times

STEPS = "step\tseconds\ninstall\t90.0\ntests\t600.0\n"
TESTS = """<testsuites><testsuite>
<testcase classname="tests.models.test_models" name="a" time="60.0"/>
<testcase classname="tests.serving.test_page.TestForm" name="b" time="120.0"/>
<testcase classname="tests.serving.test_core" name="c" time="30.0"/>
</testsuite></testsuites>"""


@pytest.fixture
def times(tmp_path, monkeypatch):
    for name, text in (("STEPS", STEPS), ("TESTS", TESTS), ("PAGE", None)):
        path = tmp_path / name
        path.write_text(text or f"before\n{ci_times.BEGIN}\nold\n{ci_times.END}\nafter\n")
        monkeypatch.setattr(ci_times, name, path)
    return tmp_path


def test_tests_are_summed_by_folder(times):
    assert ci_times.folders(times / "TESTS") == [
        ("tests/serving", 2, 150.0),
        ("tests/models", 1, 60.0),
    ]


def test_the_table_has_steps_and_folders(times):
    rows = ci_times.table(ci_times.steps(times / "STEPS"), ci_times.folders(times / "TESTS"))
    assert "| install |  | 1.5 |  |" in rows
    assert "| tests | 3 | 10.0 |  |" in rows
    assert "| `tests/serving` | 2 |  | 2.5 |" in rows
    assert rows.splitlines()[-1] == "| **in all** |  | **11.5** |  |"


def test_the_page_is_written_between_its_marks(times):
    assert ci_times.main([]) == 0
    page = (times / "PAGE").read_text()
    assert "old" not in page and "**11.5**" in page and "Measured" in page
    assert page.startswith("before") and page.rstrip().endswith("after")


def test_printing_writes_nothing(times, capsys):
    before = (times / "PAGE").read_text()
    assert ci_times.main(["--print"]) == 0
    assert "**11.5**" in capsys.readouterr().out
    assert (times / "PAGE").read_text() == before


def test_without_a_run_of_ci_there_is_no_table(times, capsys):
    (times / "STEPS").unlink()
    assert ci_times.main([]) == 1
    assert "steps.tsv" in capsys.readouterr().err
