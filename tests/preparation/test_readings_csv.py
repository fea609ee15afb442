"""Readings of sensors: events by labels, by times or made; splits; mistakes reported by line."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.preparation import injected_events
from pipelines.preparation.event_streams import NORMAL, Scaling, Stream, resampled
from pipelines.spec import DataSpec
from pipelines.stages import prepare
from pipelines.storage import arrays
from tests.support.user_errors import user_error

BASE = {"values": {"load": "kW", "heat": "degC"}, "history_steps": 5, "frequency": "D"}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def lines(count=100, load=lambda n: 10 + n % 7, heat=lambda n: 20 + n % 3, label=None):
    days = np.datetime64("2024-01-01") + np.arange(count)
    end = (lambda n: "") if label is None else (lambda n: f",{label(n)}")
    return [f"{day},{load(n)},{heat(n)}{end(n)}" for n, day in enumerate(days)]


def run(rows, header="time,load,heat", source="table.csv", /, **options) -> DataSpec:
    if rows is not None:
        Path(source).write_text("\n".join([header, *rows]) + "\n", "utf-8")
    dataset = {"recipe": "readings_csv", "source": source, "options": BASE | options}
    Path("params.yaml").write_text(
        yaml.safe_dump({"seed": 1, "datasets": {"table": dataset}}, sort_keys=False)
    )
    prepare.run(Path("params.yaml"), "table")
    return DataSpec.load(Path("data/prepared/table/spec.json"))


def split(name: str) -> dict:
    return arrays.read(Path("data/prepared/table/repeat0") / name)


def labelled(**options):
    rows = lines(label=lambda n: int(80 <= n < 84 or n == 90))
    return run(rows, "time,load,heat,fault", label="fault", **options)


def test_a_row_is_a_reading_with_those_before_it():
    spec = labelled()
    assert spec.inputs["history"].shape == (5, 2) and spec.target.shape == (5, 3)
    train, test = split("train"), split("test")
    assert [len(split(name)["event"]) for name in ("train", "val", "test")] == [60, 15, 25]
    assert train["history"][0].tolist() == [[10, 20]] * 5  # nothing before: the first one again
    assert test["history"][0, :, 0].tolist() == [10 + n % 7 for n in range(71, 76)]
    assert test["place"][0] == "2024-03-16T00:00:00"
    events = np.asarray(test["event"])
    assert np.flatnonzero(events == 0).tolist() == [5, 6, 7, 8]
    assert np.flatnonzero(events == 1).tolist() == [15]
    np.testing.assert_array_equal(test["steps"][:, -1, -1], events >= 0)
    assert spec.task_metadata["events"] == {"train": 0, "val": 0, "test": 2}


def test_median_and_spread_are_those_of_normal_readings_of_train():
    rows = lines(load=lambda n: 10**9 if n == 20 else 10 + n % 7, label=lambda n: int(n == 30))
    spec = run(rows, "time,load,heat,fault", label="fault")
    assert spec.task_metadata["centre"][0] == pytest.approx(13)
    assert 1 < spec.task_metadata["scale"][0] < 4  # one wild reading does not widen it


def test_events_by_their_times_and_by_the_numbers_of_readings():
    run(lines(), events=[["2024-03-21", "2024-03-24"], ["2024-03-31", "2024-03-31"]])
    by_time = np.asarray(split("test")["event"])
    rows = [line.split(",", 1)[1] for line in lines()]
    options = {"time": None, "frequency": None, "events": [[81, 84], [91, 91]]}
    run(rows, "load,heat", "numbers.csv", **options)
    np.testing.assert_array_equal(by_time, split("test")["event"])
    assert split("test")["place"][0] == "step 76"


def test_a_folder_of_files_with_a_json_file_of_events():
    Path("machines").mkdir()
    for name in ("a", "b"):
        Path(f"machines/{name}.csv").write_text("\n".join(["time,load,heat", *lines()]))
    listed = {"a.csv": [["2024-04-01", "2024-04-03"]], "b.csv": []}
    Path("machines/events.json").write_text(json.dumps(listed))
    options = {"files": "*.csv", "events": "events.json", "split": {"train": 40, "val": 10}}
    spec = run(None, "", "machines", **options)
    assert spec.task_metadata["streams"]["test"] == ["a.csv", "b.csv"]
    test = split("test")
    assert np.asarray(test["stream"]).tolist() == [0] * 50 + [1] * 50
    assert int((np.asarray(test["event"]) >= 0).sum()) == 3
    assert test["history"][50, :, 0].tolist() == [10 + n % 7 for n in range(46, 51)]
    del listed["b.csv"]
    Path("machines/events.json").write_text(json.dumps(listed))
    with user_error("events-missing", value="b.csv"):
        run(None, "", "machines", **options)


def test_most_limits_train_and_val_in_their_proportions():
    labelled(split={"train": 0.4, "val": 0.2, "most": 30})
    assert [len(split(name)["event"]) for name in ("train", "val", "test")] == [20, 10, 70]


def test_each_file_in_its_own_spreads():
    Path("machines").mkdir()
    for name, factor in (("a", 1), ("b", 1000)):
        table = lines(load=lambda n, f=factor: f * (10 + n % 7), label=lambda n: int(n == 90))
        Path(f"machines/{name}.csv").write_text("\n".join(["time,load,heat,fault", *table]))
    spec = run(None, "", "machines", files="*.csv", label="fault", scale="stream")
    assert spec.task_metadata["units"] == ["spreads", "spreads"]
    history = split("test")["history"]
    np.testing.assert_allclose(history[:25], history[25:], atol=1e-4)


def test_without_labels_events_are_made_and_it_is_said(capsys):
    spec = run(lines(400))
    assert spec.task_metadata["made_events"] and spec.task_metadata["events"]["test"] >= 2
    assert spec.task_metadata["events"]["val"] == spec.task_metadata["events"]["train"] == 0
    assert "made" in capsys.readouterr().out
    report = json.loads(Path("data/prepared/table/report.json").read_text())
    assert "events-made" in json.dumps(report)


def test_made_events_lie_in_their_stream_and_change_it():
    values = np.random.default_rng(1).normal(size=(500, 2))
    stream = Stream("a", values, np.full(500, NORMAL), [""] * 500, first=50)
    (made,) = injected_events.inject([stream], Scaling.of(values), 1)
    changed = (made.values != values).any(axis=1)
    inside = made.event != NORMAL
    assert not inside[:50].any() and len(np.unique(made.event[inside])) >= 8
    assert inside.mean() < 0.1
    assert not changed[~inside].any() and changed[inside].mean() > 0.9


def test_few_streams_are_resampled_by_parts_with_an_event_each():
    event = np.full(100, NORMAL)
    event[10:20], event[40:44], event[90:] = 0, 1, 2
    stream = Stream("a", np.zeros((100, 1)), event, [""] * 100)
    assert resampled([stream]) == [30, 37, 33]
    assert resampled([stream] * 5) == [100] * 5


def test_a_missing_value_is_refused_or_filled_from_the_past():
    rows = lines(label=lambda n: 0)
    rows[70] = rows[70].replace(",10,", ",,")
    with user_error("value-missing", key="gaps"):
        run(rows, "time,load,heat,fault", label="fault")
    run(rows, "time,load,heat,fault", label="fault", gaps="forward_fill")
    assert split("val")["history"][10, -1, 0] == split("val")["history"][9, -1, 0]


def test_a_constant_column_is_kept_with_a_warning():
    spec = run(lines(heat=lambda n: 20, label=lambda n: 0), "time,load,heat,fault", label="fault")
    assert spec.task_metadata["scale"][1] == pytest.approx(0.02)
    report = json.loads(Path("data/prepared/table/report.json").read_text())
    assert "column-constant" in json.dumps(report)


def test_rows_are_steps_without_a_frequency():
    rows = lines(label=lambda n: 0)
    del rows[50]
    run(rows, "time,load,heat,fault", label="fault", frequency=None)
    assert sum(len(split(name)["event"]) for name in ("train", "val", "test")) == 99


def test_clocks_may_go_back_by_an_hour_where_rows_are_steps():
    times = ["2024-10-27T02:30", "2024-10-27T02:00", "2024-10-27T03:00"]
    rows = [f"2024-10-26T{n:02},{n % 5},{n % 3},0" for n in range(24)]
    rows += [f"{time},1,2,0" for time in times]
    options = {"label": "fault", "frequency": None}
    run(rows, "time,load,heat,fault", **options)
    rows[5] = "2024-10-25T00:00,1,2,0"
    with user_error("time-order", line=7):
        run(rows, "time,load,heat,fault", **options)


MISTAKES = [
    ({"label": "fault"}, "label-invalid", {"key": "label", "line": 12}),
    ({"events": [["2025-01-01", "2025-01-02"]]}, "event-empty", {"key": "events"}),
    ({"events": [["soon", "2025-01-02"]]}, "event-invalid", {"value": "soon"}),
    ({"split": {"train": 80, "val": 20}}, "split-size", {"key": "split"}),
]


@pytest.mark.parametrize(("options", "code", "place"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_a_mistake(options, code, place):
    rows = lines(label=lambda n: 2 if n == 10 else 0)
    with user_error(code, **place):
        run(rows, "time,load,heat,fault", **options)


@pytest.mark.parametrize(
    "options",
    [
        {"label": "fault", "events": [["2024-03-21", "2024-03-24"]]},
        {"label": "load"},
        {"season_steps": 5},
        {"gaps": "interpolate"},
    ],
)
def test_options_that_do_not_go_together(options):
    with user_error("value-invalid"):
        run(lines(label=lambda n: 0), "time,load,heat,fault", **options)
