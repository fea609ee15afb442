"""Tables of observations: the right windows, and mistakes reported by line."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipelines.config.errors import UserError
from pipelines.preparation import splits
from pipelines.preprocessing import windows
from pipelines.spec import DataSpec
from pipelines.stages import prepare
from pipelines.storage import arrays
from tests.support.user_errors import check, user_error

PREPARED = Path("data/prepared")
WINDOWS = ("history", "future", "origin")
BASE = {
    "values": {"load": "kW"}, "frequency": "D", "history_steps": 6, "horizon_steps": 3,
    "split": {"val": 12, "test": 20},
}  # fmt: skip


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def lines(count=60, value=str) -> list[str]:
    days = pd.date_range("2024-01-01", periods=count)
    return [f"{day:%Y-%m-%d},{value(n)}" for n, day in enumerate(days)]


def run(rows: list[str], header="time,load", /, **options) -> DataSpec:
    Path("table.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")
    dataset = {"recipe": "timeseries_csv", "source": "table.csv", "options": BASE | options}
    Path("params.yaml").write_text(
        yaml.safe_dump({"seed": 1, "datasets": {"load": dataset}}, sort_keys=False), "utf-8"
    )
    prepare.run(Path("params.yaml"), "load")
    return DataSpec.load(PREPARED / "load/spec.json")


def parts() -> dict:
    return {part: arrays.read(PREPARED / f"load/repeat0/{part}") for part in prepare.SPLITS}


def refused(rows: list[str], header="time,load", /, **options) -> UserError:
    shutil.rmtree(PREPARED, ignore_errors=True)
    with pytest.raises(UserError) as caught:
        run(rows, header, **options)
    assert not PREPARED.exists() or not list(PREPARED.iterdir())
    return caught.value


def test_windows_on_integers():
    series = np.arange(10.0)[:, None]
    starts = windows.origins((0, 10), history=4, horizon=2)
    past, future = (cut.view() for cut in windows.make_windows(series, starts, 4, 2))
    assert starts.tolist() == [4, 5, 6, 7, 8]
    assert past[0, :, 0].tolist() == [0, 1, 2, 3] and future[0, :, 0].tolist() == [4, 5]
    assert past[-1, :, 0].tolist() == [4, 5, 6, 7] and future[-1, :, 0].tolist() == [8, 9]
    assert windows.origins((6, 10), 4, 2).tolist() == [6, 7, 8]
    assert windows.origins((0, 10), 4, 2, stride=3).tolist() == [4, 7]
    assert windows.origins((0, 5), 4, 2).tolist() == []


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_concat_windows_undoes_make_windows(stride):
    series = np.random.default_rng(0).normal(size=(30, 2))
    starts = windows.origins((8, 30), 5, 3, stride)
    past, future = (cut.view() for cut in windows.make_windows(series, starts, 5, 3))
    again, first = windows.concat_windows((past, future, starts))
    np.testing.assert_array_equal(again, series[first : first + len(again)])
    assert first == 3 and len(again) == starts[-1] + 3 - first
    middle = len(starts) // 2
    halves = [(past[part], future[part], starts[part]) for part in
              (slice(None, middle), slice(middle, None))]  # fmt: skip
    np.testing.assert_array_equal(windows.concat_windows(*halves)[0], again)


def test_parts_by_counts_and_fractions():
    assert splits.chronological(100, 0.1, 0.25) == {
        "train": (0, 65), "val": (65, 75), "test": (75, 100)
    }  # fmt: skip
    assert splits.chronological(100, 30, 50)["val"] == (20, 50)
    with user_error("split-size", key="split", value={"val": 0.5, "test": 0.5}):
        splits.chronological(100, 0.5, 0.5)


def test_targets_lie_in_one_part_and_every_value_of_val_and_test_is_one():
    """Values are row numbers, so they tell where they come from."""
    spec = run(lines())
    assert (spec.request_inputs, spec.target.name, spec.outputs) == (("history",), "future", 3)
    field = spec.inputs["history"]
    assert (field.shape, field.dtype, field.unit) == ((6, 1), "float32", "kW")
    bounds = {"train": (6, 28), "val": (28, 40), "test": (40, 60)}
    for part, columns in parts().items():
        begin, end = bounds[part]
        assert sorted(set(columns["future"].ravel().tolist())) == list(range(begin, end))
        for past, future, origin in zip(
            columns["history"], columns["future"], columns["origin"], strict=True
        ):
            assert past[:, 0].tolist() == list(range(origin - 6, origin))
            assert future[:, 0].tolist() == list(range(origin, origin + 3))
    assert list(parts()["test"]["first"])[0] == "2024-02-10"  # row 40


def test_statistics_come_from_train_only():
    facts = run(lines(value=lambda n: n % 4 if n < 28 else 1000 + n)).task_metadata
    assert facts["mean"] == [1.5] and facts["std"] == [np.sqrt(1.25)]
    assert facts["mase_scale"][0] == pytest.approx((3 * 7 - 0 + 3 * 6) / 27)  # 1 1 1 3 1 1 1 3 ...
    other = run(lines(value=lambda n: n % 4 if n < 28 else -n), season_steps=4).task_metadata
    assert other["mean"] == [1.5]
    assert other["mase_scale"] == facts["mase_scale"]  # a perfect season: the change over one step
    seasonal = run(lines(value=lambda n: n * n), season_steps=4).task_metadata
    assert seasonal["mase_scale"][0] == pytest.approx(
        np.mean([(n + 4) ** 2 - n * n for n in range(24)])
    )


def test_the_seed_changes_nothing_and_columns_keep_their_order():
    rows = [f"{line},{60 - n},x" for n, line in enumerate(lines())]
    values = {"wind": "m/s", "load": "kW"}
    spec = run(rows, "time,load,wind,note", values=values, quantiles=[0.1, 0.5, 0.9])
    assert spec.task_metadata["columns"] == ["wind", "load"] and spec.task_metadata["units"] == [
        "m/s",
        "kW",
    ]
    assert spec.outputs == 3 * 2 * 3
    assert parts()["train"]["history"][0, 0].tolist() == [60, 0]


def test_odd_spellings():
    rows = [
        f"{day:%d.%m.%Y %H:%M};{n},5" for n, day in
        enumerate(pd.date_range("2024-03-01", periods=60, freq="h"))
    ]  # fmt: skip
    run(rows, "when;load", time="when", time_format="%d.%m.%Y %H:%M", delimiter=";", decimal=",",
        frequency="h")  # fmt: skip
    assert parts()["train"]["history"][0, :2, 0].tolist() == [0.5, 1.5]
    assert list(parts()["train"]["first"])[0] == "2024-03-01T06:00:00"


def test_time_in_several_columns():
    hours = pd.date_range("2024-03-01", periods=60, freq="h")
    rows = [f"{n},{hour.year},{hour.month},{hour.day},{hour.hour}" for n, hour in enumerate(hours)]
    options = {"time": ["year", "month", "day", "hour"], "frequency": "h"}
    run(rows, "load,year,month,day,hour", **options, time_format="%Y %m %d %H")
    assert list(parts()["train"]["first"])[0] == "2024-03-01T06:00:00"
    error = refused(rows, "load,year,month,day,hour", **options)
    check(error, "time-invalid", path="table.csv", line=2, key="time", value="2024 3 1 0")
    error = refused(rows, "load,year,month,day,h", **options)
    check(error, "column-missing", path="table.csv", line=1, key="time", value="hour")


def test_rows_that_are_asked_for_and_no_others():
    """Others are not even read: what is wrong with them does not matter."""
    wrong = lines()
    wrong[0], wrong[4], wrong[58] = "soon,", "2024-01-05,?", "2024-02-01,0"
    run(wrong, rows=[6, 55])
    whole = {name: np.asarray(part["future"]) for name, part in parts().items()}
    assert whole["train"][0, 0, 0] == 5 + 6 and whole["test"][-1, -1, 0] == 54
    run(lines()[5:55])
    for name, part in parts().items():
        np.testing.assert_array_equal(part["future"], whole[name])
    del wrong[4]
    error = refused(wrong, rows=[6, 58])
    check(error, "time-order", path="table.csv", line=59, value="2024-02-01 00:00:00")
    check(refused(wrong, rows=[6, 60]), "rows-missing", path="table.csv", key="rows", value=60)


def test_offsets_from_utc_become_utc():
    days = pd.date_range("2024-03-30T22:00", periods=60, freq="h", tz="Europe/Berlin")
    run([f"{day.isoformat()},{n}" for n, day in enumerate(days)], frequency="h")
    assert list(parts()["train"]["first"])[0] == "2024-03-31T03:00:00"


def test_gaps():
    rows = lines()
    rows[3] = rows[3].split(",")[0] + ","
    del rows[10:12]
    gap = {"path": "table.csv", "key": "gaps"}
    check(refused(rows), "value-missing", **gap, line=5, value="2024-01-04 00:00:00")
    run(rows, gaps="interpolate")
    series = windows.concat_windows(tuple(parts()["train"][n] for n in WINDOWS))[0]
    assert series[:, 0].tolist() == list(range(28))
    run(rows, gaps="forward_fill")
    series = windows.concat_windows(tuple(parts()["train"][n] for n in WINDOWS))[0]
    assert series[[3, 10, 11, 12], 0].tolist() == [2, 9, 9, 12]
    error = refused(rows, gaps="forward_fill", longest_gap_steps=1)
    check(error, "gap-too-long", path="table.csv", key="longest_gap_steps", value=2)
    rows[0] = rows[0].split(",")[0] + ","
    check(refused(rows, gaps="forward_fill"), "value-missing", **gap, line=None)
    check(refused(rows), "value-missing", **gap, line=2)


def test_filling_does_not_carry_values_back_into_an_earlier_part():
    rows = lines()
    for row in (27, 28):  # the last of train and the first of val
        rows[row] = rows[row].split(",")[0] + ","
    rows[29] = rows[29].split(",")[0] + ",5000"
    run(rows, gaps="interpolate")
    assert parts()["train"]["future"][-1, -1, 0] == 26
    assert parts()["val"]["future"][0, :, 0].tolist() == [26, 5000, 30]


@pytest.mark.parametrize(
    ("row", "replaced_line", "code", "line", "value"),
    [
        ("2024-01-04,nan", 5, "value-invalid", 5, "nan"),
        ("2024-01-04,-inf", 5, "value-invalid", 5, "-inf"),
        ("2024-01-04,1e999", 5, "value-invalid", 5, "1e999"),
        ("2024-01-04,1_000", 5, "value-invalid", 5, "1_000"),
        ("2024-01-04,three", 5, "value-invalid", 5, "three"),
        ("2024-01-04,3,4", 5, "column-count", 5, 3),
        ("04/01/2024,3", 5, "time-invalid", 5, "04/01/2024"),
        ("2023-01-04,3", 5, "time-order", 5, "2023-01-04 00:00:00"),
        ("2024-01-03,3", 5, "time-duplicate", 5, "2024-01-03 00:00:00"),
        ("2024-01-03T12:00,3", 5, "time-off-grid", 5, "2024-01-03 12:00:00"),
        ("2024-01-01T12:00,0", 2, "time-off-grid", 3, "2024-01-02 00:00:00"),
    ],
)
def test_mistakes_are_named_by_line(row, replaced_line, code, line, value):
    rows = lines()
    rows[replaced_line - 2] = row
    check(refused(rows), code, path="table.csv", line=line, value=value)


def test_duplicates_as_the_options_say():
    rows = lines()
    rows.insert(1, "2024-01-01,100")
    for how, value in (("first", 0), ("last", 100), ("mean", 50)):
        run(rows, duplicates=how)
        assert parts()["train"]["history"][0, :2, 0].tolist() == [value, 1]


def test_missing_marks():
    rows = lines()
    rows[3] = "2024-01-04,-99.99"
    run(rows, missing=["-99.99"], gaps="forward_fill")
    assert parts()["train"]["history"][0, 3, 0] == 2


@pytest.mark.parametrize(
    ("rows", "code", "key", "value"),
    [
        ([], "rows-missing", None, None),
        (lines(value=lambda n: 7), "column-constant", "values", "load"),
        (lines(value=lambda n: max(n, 28)), "column-constant", "values", "load"),
        (lines(value=lambda n: 1e6 + n % 2), "column-precision", "values", "load"),
        (lines(35), "split-too-short", "split.train", 3),
        (lines(30), "split-size", "split", {"val": 12, "test": 20}),
    ],
)
def test_tables_that_cannot_be_used(rows, code, key, value):
    check(refused(rows), code, key=key, value=value)


OPTIONS = "datasets.load.options"


@pytest.mark.parametrize(
    ("options", "code", "key", "value"),
    [
        ({"frequency": "fortnight"}, "value-invalid", f"{OPTIONS}.frequency", "fortnight"),
        ({"season_steps": 7}, "value-invalid", f"{OPTIONS}.season_steps", 7),
        ({"stride": 4}, "value-invalid", f"{OPTIONS}.stride", 4),
        ({"quantiles": [0.9, 0.5]}, "value-invalid", f"{OPTIONS}.quantiles", [0.9, 0.5]),
        ({"quantiles": [0.1, 0.9]}, "value-invalid", f"{OPTIONS}.quantiles", [0.1, 0.9]),
        ({"rows": [9, 3]}, "value-invalid", f"{OPTIONS}.rows", [9, 3]),
        ({"rows": [30]}, "value-invalid", f"{OPTIONS}.rows", [30]),
        ({"rows": [0, 30]}, "value-invalid", f"{OPTIONS}.rows.0", 0),
        ({"rows": 30}, "value-invalid", f"{OPTIONS}.rows", 30),
        ({"time": []}, "value-invalid", f"{OPTIONS}.time", []),
        ({"history": 6}, "key-unknown", f"{OPTIONS}.history", "history"),
        ({"gaps": "hold"}, "value-invalid", f"{OPTIONS}.gaps", "hold"),
        ({"values": {"lod": "kW"}}, "column-missing", "values", "lod"),
        ({"frequency": "s", "gaps": "forward_fill"}, "frequency-wrong", "frequency", "s"),
    ],
)
def test_options_that_cannot_be(options, code, key, value):
    check(refused(lines(), **options), code, key=key, value=value)


@pytest.mark.parametrize(
    ("name", "rows", "first", "unit"),
    [("co2", 2284, 316.1, "ppm"), ("elnino", 732, 23.11, "degC"), ("sunspots", 309, 5.0, "spots")],
)
def test_series_of_statsmodels(name, rows, first, unit):
    from pipelines.datasets import statsmodels_series as recipe

    times, values = recipe.load(name)
    assert len(times) == len(values) == rows and values[0] == first
    options = recipe.Options(
        series=name, history_steps=12, horizon_steps=4, gaps="forward_fill", longest_gap_steps=18
    )
    found = recipe.prepare(options, Path("unread"), Path("out"), seed=1)
    assert found.inputs["history"].unit == unit
    test = arrays.read(Path("out/repeat0/test"))
    assert test["future"][-1, -1, 0] == np.float32(values[-1])


def values() -> list[float]:
    """Of the first rows of train, as they were read."""
    return parts()["train"]["history"][0, :, 0].tolist()


@pytest.mark.parametrize("mark", [".", ",", " ", "\u00a0", "\u202f", "\u2009", "'", "\u2019"])
def test_thousands_separators_of_any_locale(mark):
    decimal = "." if mark == "," else ","
    key = {"\u2019": "'"}.get(mark, mark if mark in ".,'" else " ")
    rows = [
        row.replace(",", ";", 1)
        for row in lines(value=lambda n: f"{1 + n}{mark}049{decimal}5" if n % 2 else str(775 + n))
    ]
    style = {"delimiter": ";", "decimal": decimal}
    run(rows, "time;load", **style, thousands=key)
    assert values() == [775, 2049.5, 777, 4049.5, 779, 6049.5]
    error = refused(rows, "time;load", **style)
    check(error, "value-invalid", path="table.csv", line=3, value=f"2{mark}049{decimal}5")
    assert f'thousands: "{key}"' in error.message


def test_millions_and_groups_of_two_digits():
    written = ["1,234,567", "12,34,567.5", "-1,000", "7", "1e3", "0.25"]
    rows = [f'{day.split(",")[0]},"{written[n % 6]}"' for n, day in enumerate(lines())]
    run(rows, thousands=",")
    assert values() == [1234567, 1234567.5, -1000, 7, 1000, 0.25]
    for wrong in ("1,23", "1,2345", "1,,000", ",123"):
        rows[3] = rows[3].split(",")[0] + f',"{wrong}"'
        check(refused(rows, thousands=","), "value-invalid", line=5, value=wrong)


def test_a_dot_that_may_separate_thousands_is_refused_with_both_readings():
    rows = lines(value=lambda n: f"{1 + n}.049" if n % 2 else str(775 + n))
    check(refused(rows), "number-ambiguous", path="table.csv", line=3, value="2.049")
    run(rows, thousands=".", decimal=",")
    assert values() == [775, 2049, 777, 4049, 779, 6049]
    shutil.rmtree(PREPARED)
    run(rows, decimal=".")
    np.testing.assert_allclose(values(), [775, 2.049, 777, 4.049, 779, 6.049], rtol=1e-6)
    run(lines(value=lambda n: f"{1 + n}.049"))  # every number has three decimals


def test_decimal_and_thousands_must_differ():
    error = refused(lines(), thousands=".")
    check(error, "value-invalid", key="datasets.load.options")


def dated(times, form="%Y-%m-%dT%H:%M:%S%z") -> list[str]:
    return [f"{time.strftime(form)},{n}" for n, time in enumerate(times)]


def origins() -> list[str]:
    return [str(time) for part in parts().values() for time in part["first"]]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata"])
@pytest.mark.parametrize("frequency", ["D", "W-MON", "W-WED", "MS", "ME", "QS-FEB", "QE", "YS"])
def test_days_and_longer_steps_are_local(zone, frequency):
    times = pd.date_range("2012-01-01", periods=60, freq=frequency)
    rows = dated(times.tz_localize(zone))
    run(rows, frequency=frequency)
    expected = {f"{time:%Y-%m-%d}" for time in times}
    assert origins() and set(origins()) <= expected


def test_hours_are_counted_in_utc_where_clocks_change():
    times = pd.date_range("2024-03-30", periods=60, freq="h", tz="Europe/Berlin")
    run(dated(times), frequency="h")
    assert origins()[0] == "2024-03-30T05:00:00"


def test_days_in_utc_that_begin_at_local_midnight_need_the_time_zone():
    times = pd.date_range("2024-03-01", periods=60, tz="Europe/Berlin").tz_convert("UTC")
    check(refused(dated(times)), "time-off-grid", path="table.csv")
    run(dated(times), time_zone="Europe/Berlin")
    assert origins()[0] == "2024-03-07"


def test_local_hours_without_an_offset_need_the_time_zone():
    form = "%Y-%m-%d %H:%M"
    times = pd.date_range("2024-10-26", periods=60, freq="h", tz="Europe/Berlin")
    rows = dated(times, form)
    check(refused(rows, frequency="h"), "time-duplicate", line=29)
    run(rows, frequency="h", time_zone="Europe/Berlin")
    assert origins()[0] == "2024-10-26T04:00:00"
    rows = [f"2024-03-31 {hour:02}:00,{hour}" for hour in range(24)]
    error = refused(rows, frequency="h", time_zone="Europe/Berlin")
    check(error, "time-nonexistent", line=4, value="2024-03-31 02:00:00")
    check(refused(rows, time_zone="Berlin"), "value-invalid", value="Berlin")


@pytest.mark.parametrize(
    ("actual", "given"),
    [("W-WED", "W-SUN"), ("W-FRI", "W"), ("ME", "MS"), ("QS-FEB", "QS"), ("YS-APR", "YS")],
)
def test_steps_that_begin_on_another_day_are_named_with_the_frequency_that_fits(actual, given):
    rows = dated(pd.date_range("2001-02-01", periods=60, freq=actual), "%Y-%m-%d")
    error = refused(rows, frequency=given)
    check(error, "time-off-grid", line=2 if given != "QS" else error.line)
    cure = error.message.split("frequency: ")[1].split(",")[0]
    run(rows, frequency=cure)


@pytest.mark.parametrize("unit", ["seconds", "milliseconds"])
def test_times_since_1970(unit):
    factor = 1 if unit == "seconds" else 1000
    rows = [f"{(1510099200 + 86400 * n) * factor},{n}" for n in range(60)]
    error = refused(rows)
    check(error, "time-invalid", path="table.csv", line=2, key="time")
    assert f"time_format: unix_{unit}" in error.message
    run(rows, time_format=f"unix_{unit}")
    assert origins()[0] == "2017-11-14"


def test_remarks_and_units_around_the_header():
    rows = lines()
    run(rows)
    digests = DataSpec.load(PREPARED / "load/spec.json").digests
    header = 'Station 7, "Nord\nof 2024\ntime,load\n[UTC],[kW]'
    text = "\n".join([header, *rows[:30], "# sensor changed", *rows[30:]])
    first, *rest = text.split("\n")
    options = {"skip_lines": 2, "units_row": True, "comment": "#"}
    assert run(rest, first, **options).digests == digests
    shutil.rmtree(PREPARED)
    error = refused([*rest[:5], "2024-01-03,x", *rest[5:]], first, **options)
    assert (error.line, error.code) in ((7, "value-invalid"), (7, "time-order"))
    check(refused(["[UTC],[kW]", *rows], units_row=False), "time-invalid", line=2)


def test_rows_without_a_time_are_counted_and_dropped_on_request():
    rows = lines()
    digests = run(rows).digests
    shutil.rmtree(PREPARED)
    broken = [*rows[:9], ",5", *rows[9:], " ,6"]
    check(refused(broken), "time-empty", path="table.csv", line=11, key="empty", value=2)
    assert run(broken, empty="drop").digests == digests


def promotions(count=60, ahead=0) -> list[str]:
    """Rows of time, load, price and promotion; the last ones without a load, which is not known."""
    days = pd.date_range("2024-01-01", periods=count + ahead)
    return [
        f"{day:%Y-%m-%d},{n if n < count else ''},{n * n},{'TRUE' if n % 7 == 3 else 'false'}"
        for n, day in enumerate(days)
    ]


KNOWN = {"known_covariates": ["price", "promotion"]}


def test_known_covariates_reach_to_the_end_of_the_horizon():
    found = run(promotions(), "time,load,price,promotion", **KNOWN)
    assert found.inputs["known_covariates"].shape == (9, 2)
    assert found.request_inputs == ("history", "known_covariates")
    assert found.target.shape == (3, 1) and found.task_metadata["columns"] == ["load"]
    for columns in parts().values():
        rows = columns["origin"][:, None] + np.arange(-6, 3)
        np.testing.assert_array_equal(columns["known_covariates"][..., 0], rows**2)
        np.testing.assert_array_equal(columns["known_covariates"][..., 1], rows % 7 == 3)
        assert columns["history"].shape[2] == 1
    train = parts()["train"]["origin"][-1] + 3
    mean = found.task_metadata["covariate_mean"][0]
    assert mean == pytest.approx((np.arange(train) ** 2).mean())


def test_rows_of_the_future_are_not_trained_on():
    header = "time,load,price,promotion"
    digests = run(promotions(), header, **KNOWN).digests
    shutil.rmtree(PREPARED)
    assert run(promotions(ahead=5), header, **KNOWN).digests == digests
    gap = [row.replace(",30,900,", ",,900,") for row in promotions(ahead=5)]
    check(refused(gap, header, **KNOWN), "value-missing", path="table.csv", line=32)


def test_covariates_that_cannot_be():
    header = "time,load,price,promotion"
    error = refused(promotions(), header, known_covariates=["load"])
    check(error, "value-invalid", key=OPTIONS)
    error = refused(promotions(), header, known_covariates=["holiday"])
    check(error, "column-missing", value="holiday")
    rows = [row.replace(",900,", ",?,") for row in promotions()]
    check(
        refused(rows, header, **KNOWN), "value-invalid", line=32, key="known_covariates", value="?"
    )
    rows = [row.replace("TRUE", "false") for row in promotions()]
    check(refused(rows, header, **KNOWN), "column-constant", key="known_covariates")
    rows = [row.replace(",900,", ",,") for row in promotions()]
    check(refused(rows, header, **KNOWN), "value-missing", line=32)
