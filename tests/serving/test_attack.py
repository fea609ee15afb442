"""All attacks of benchmarks/attack at the same time, on a server whose memory is limited."""

import json

import pytest

from benchmarks.attack import models, report, target
from benchmarks.attack.__main__ import SETTINGS, attack
from benchmarks.attack.attacker import ATTACKS
from tests.support.sizes import nightly

RESULT = {
    "attack": "a", "seconds": 1, "survived": True, "before_mb": 900, "peak_mb": 950,
    "after_mb": 910, "answers": {"a": {"413": 5}},
    "client": {"requests": 20, "failures": {}, "p50_ms": 1.0, "p99_ms": 9.0},
}  # fmt: skip


@nightly
@pytest.mark.slow
def test_a_server_with_2_gib_survives_all_attacks_together(tmp_path):
    models.write(tmp_path / "root")
    with target.running(tmp_path / "root", settings=SETTINGS) as server:
        result = attack(server, list(ATTACKS), 60.0)
    assert result["survived"], result
    assert set(result["client"]["failures"]) <= report.NAMED, result
    for name, answers in result["answers"].items():
        assert answers, name
        assert not {"500", "INTERNAL", "UNKNOWN"} & set(answers), (name, answers)


@pytest.mark.parametrize(
    "change",
    [
        {"survived": False}, {"after_mb": 1001}, {"client": {"failures": {"504": 1}}},
        {"client": {"p99_ms": 251.0}}, {"client": {"p99_ms": float("nan")}},
    ],
)  # fmt: skip
def test_promises_that_are_not_kept_are_reported(change):
    assert not report.failures(RESULT)
    client = {**RESULT["client"], **change.get("client", {})}
    assert len(report.failures({**RESULT, **change, "client": client})) == 1


def test_refusals_that_the_contract_names_are_no_failures():
    client = {**RESULT["client"], "failures": {"429": 1, "503": 2}}
    assert not report.failures({**RESULT, "client": client})


def test_the_table_has_a_row_for_each_attack(tmp_path, monkeypatch):
    page = tmp_path / "security.md"
    page.write_text(f"before\n{report.BEGIN}old\n{report.END}\nafter\n")
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "FILE", tmp_path / "security.json")
    content = {
        "machine": "m",
        "load": 1,
        "minutes": 1,
        "results": [RESULT, {**RESULT, "attack": "b"}],
    }
    report.FILE.write_text(json.dumps(content))
    report.write_table()
    lines = page.read_text().splitlines()
    assert [line.split(" | ")[0] for line in lines if line.startswith("| ")] == [
        "| attack", "| a", "| b",
    ]  # fmt: skip
    assert (lines[0], lines[-1]) == ("before", "after")
