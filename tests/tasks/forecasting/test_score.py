"""Baselines by hand, scores of an oracle, and blocks that keep neighbours together."""

import csv
import re
from dataclasses import replace

import numpy as np
import pytest

from models.classical.forecasters import forecaster
from models.linear import linear_forecaster
from pipelines.classical import forecast_methods
from pipelines.classical import naive_forecasts as naive
from pipelines.classical.exponential_smoothing import Smoothing
from pipelines.config.errors import UserError
from pipelines.preparation import splits
from pipelines.preprocessing import windows
from pipelines.storage import arrays
from pipelines.tasks.forecasting import baselines, figures, input_gradients, metrics, score
from pipelines.tasks.forecasting.example import example_spec as spec
from pipelines.tasks.forecasting.info import INFO
from pipelines.tasks.forecasting.metrics import Outputs
from pipelines.tracking import names

STRONG = INFO.strong_baseline
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def four_rows():
    """history (4, 4, 1): 1 2 3 4, then 2 3 4 5, ..."""
    return np.arange(1.0, 5)[None, :, None] + np.arange(4.0)[:, None, None]


def test_persistence_by_hand():
    said = naive.persistence(four_rows(), 3)
    assert said[..., 0].tolist() == [[4] * 3, [5] * 3, [6] * 3, [7] * 3]


def test_seasonal_naive_by_hand():
    said = naive.seasonal_naive(four_rows(), 3, season=2)
    assert said[..., 0].tolist() == [[3, 4, 3], [4, 5, 4], [5, 6, 5], [6, 7, 6]]
    longer = naive.seasonal_naive(four_rows(), 3, season=4)
    assert longer[0, :, 0].tolist() == [1, 2, 3]


def test_seasonal_growth_by_hand():
    history = np.array([10.0, 20.0, 15.0, 30.0])[None, :, None]
    said = naive.seasonal_growth(history, 2, season=2)
    assert said[0, :, 0].tolist() == [22.5, 45.0]  # half as much again as 20


def test_where_there_is_no_growth_to_tell():
    of, part = spec(history=3, horizon=2, season=2), {"history": np.ones((4, 3, 1))}
    assert not naive.growth_undefined([part], of)
    assert "not above zero" in naive.growth_undefined([{"history": np.zeros((4, 3, 1))}], of)
    for change in ({"horizon": 3}, {"season": 3, "horizon": 1}):
        other = spec(**{"history": 3, "horizon": 2, "season": 2, **change})
        assert "seasons of" in naive.growth_undefined([part], other)


def test_mean_profile_by_hand():
    said = naive.mean_profile(four_rows(), 3, season=2)
    assert said[..., 0].tolist() == [[2, 3, 2], [3, 4, 3], [4, 5, 4], [5, 6, 5]]
    # of 4 steps and a season of 3, the last 3 are one whole season
    assert naive.mean_profile(four_rows(), 3, season=3)[0, :, 0].tolist() == [2, 3, 4]


def seasonal_series(rows=120, season=6, seed=0):
    rng = np.random.default_rng(seed)
    cycle = 5 * np.sin(2 * np.pi * np.arange(rows) / season)
    return 20 + 0.1 * np.arange(rows) + cycle + 0.3 * rng.standard_normal(rows)


@pytest.mark.parametrize("damped", [True, False])
@pytest.mark.parametrize("season", [1, 6])
def test_smoothing_is_statsmodels_s(damped, season):
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    series = seasonal_series()
    machine = Smoothing.fit(series[:90], season, damped)
    seasonal = {"seasonal": "add", "seasonal_periods": season} if season > 1 else {}
    reference = ExponentialSmoothing(
        series[:90], trend="add", damped_trend=damped, initialization_method="estimated", **seasonal
    ).fit()
    said = machine(series, np.array([90, 1, 80]), 8)
    np.testing.assert_allclose(said[0], reference.forecast(8), atol=1e-8)
    np.testing.assert_allclose(said[1, 0], reference.fittedvalues[1], atol=1e-8)


def test_smoothing_does_not_look_ahead():
    series = seasonal_series()
    machine = Smoothing.fit(series[:90], 6, False)
    changed = series.copy()
    changed[95:] += 50
    origins = np.array([94, 95, 96])
    gap = machine(changed, origins, 4) - machine(series, origins, 4)
    assert np.abs(gap[:2]).max() == 0.0 and np.abs(gap[2]).min() > 0


def strong_model(of, train, val, **arguments):
    strong = forecaster(of, **arguments)
    strong.fit(train, val, seed=1)
    return strong


def all_baselines(of, train, val, test, **arguments):
    strong = strong_model(of, train, val, **arguments)
    return dict(baselines.fit_predict(train, val, test, of, seed=1, strong=strong))


def test_smoothing_forgets_what_lies_far_back(monkeypatch):
    monkeypatch.setattr(forecast_methods, "FITTED_ROWS", 40)
    of = spec(history=12, horizon=4, season=6)
    forecasts = []
    for early in (0.0, 50.0):
        train, val, test = parts(of, rows=300, early=early)
        strong = strong_model(of, train, val, method="persistence")
        forecasts.append(baselines.smoothing(train, val, test, of, strong)[0].forecast)
    np.testing.assert_array_equal(*forecasts)


def test_smoothing_of_the_whole_past_continues_the_fitted_series():
    """It starts from the states at the end of train; from the first row it comes to the same."""
    of = spec(history=12, horizon=4, season=6)
    train, val, test = parts(of)
    strong = strong_model(of, train, val, method="window_smoothing")
    outputs, _ = baselines.smoothing(train, val, test, of, strong)
    series = seasonal_series(200, seed=0).astype(np.float32).astype(np.float64)
    damped = outputs.selection.startswith("damped")
    end = int(train["origin"][-1]) + 4
    whole = Smoothing.fit(series[:end], 6, damped)(series, test["origin"], 4)
    np.testing.assert_allclose(outputs.forecast[..., 0], whole, atol=1e-6)


def test_smoothing_is_left_out_aloud_where_train_is_shorter_than_two_seasons(capsys):
    of = spec(history=60, horizon=4, season=60)
    assert "baseline_smoothing" not in all_baselines(of, *parts(of, rows=210))
    assert "baseline_smoothing: left out;" in capsys.readouterr().out


def parts(of, rows=200, val=40, test=60, columns=1, early=0.0):
    """early: added to the first hundred readings."""
    history, horizon = of.inputs["history"].shape[0], of.task_metadata["horizon_steps"]
    series = np.stack([seasonal_series(rows, seed=n) for n in range(columns)], axis=1)
    series[:100] += early
    found = []
    for part in splits.chronological(rows, val, test).values():
        starts = windows.origins(part, history, horizon, of.task_metadata["stride"])
        both = windows.make_windows(series.astype(np.float32), starts, history, horizon)
        past, future = (cut.view() for cut in both)
        first = [f"day {start}" for start in starts]
        found.append({"history": past, "future": future, "origin": starts, "first": first})
    return found


@pytest.mark.parametrize(("levels", "stride"), [((), 1), (LEVELS, 3)])
def test_every_baseline_answers_and_the_best_on_val_is_the_strong_one(levels, stride):
    of = spec(history=12, horizon=4, season=6, quantiles=levels, stride=stride)
    train, val, test = parts(of)
    found = all_baselines(of, train, val, test)
    assert set(found) == {
        STRONG, *(f"baseline_{n}" for n in ("persistence", "seasonal_naive", "mean_profile")),
        "baseline_seasonal_growth", "baseline_ridge", "baseline_window_smoothing",
        "baseline_smoothing",
    }  # fmt: skip
    weights = np.ones((1, len(test["future"])))
    scores = {n: score.score(o, test, of, weights) for n, o in found.items()}
    assert len({tuple(sorted(s)) for s in scores.values()}) == 1
    assert scores[STRONG]["mase"] < scores["baseline_persistence"]["mase"]
    name = re.match(r"\w+", found[STRONG].selection)[0]
    assert scores[STRONG] == scores[f"baseline_{name}"]


def test_smoothing_of_the_whole_past_is_the_strong_one_where_it_is_better_on_val():
    """Every naive method is blind to the season that a history of one season cannot average."""
    of = spec(history=12, horizon=4, season=6)
    train, val, test = parts(of)
    found = all_baselines(of, train, val, test, method="persistence")
    assert found[STRONG].selection.startswith("smoothing,")
    np.testing.assert_array_equal(found[STRONG].forecast, found["baseline_smoothing"].forecast)
    assert {f"baseline_{n}" for n in ("seasonal_naive", "mean_profile")} < set(found)


def test_without_a_season_there_are_no_seasonal_baselines():
    of = spec(history=12, horizon=4, season=1)
    assert set(all_baselines(of, *parts(of))) == {
        STRONG, "baseline_persistence", "baseline_ridge", "baseline_window_smoothing",
        "baseline_smoothing",
    }  # fmt: skip


def case(of, rows=50, seed=0):
    rng = np.random.default_rng(seed)
    shape = (rows, of.task_metadata["horizon_steps"], len(of.task_metadata["columns"]))
    return {"future": rng.normal(10, 2, shape).astype(np.float32)}


@pytest.mark.parametrize("levels", [(), LEVELS])
def test_saved_forecasts_are_few_enough_and_name_their_rows(monkeypatch, levels, tmp_path):
    said = np.random.default_rng(0).normal(size=(50, 6, 1, 5) if levels else (50, 6, 1))
    outputs = metrics.outputs_of(said, spec(quantiles=levels))
    outputs.save(tmp_path / "whole")
    whole = arrays.read(tmp_path / "whole")
    np.testing.assert_array_equal(whole["forecast"], outputs.forecast)
    assert whole["row"].tolist() == list(range(50)) and ("quantiles" in whole) == bool(levels)
    monkeypatch.setattr(metrics, "MAX_SAVED_BYTES", 1200)
    outputs.save(tmp_path / "few")
    few = arrays.read(tmp_path / "few")
    kept = [values for name, values in few.items() if name != "row"]
    assert len(few["row"]) > 2 and sum(values.nbytes for values in kept) <= 1200
    np.testing.assert_array_equal(few["forecast"], outputs.forecast[few["row"]])


@pytest.mark.parametrize("columns", [1, 3])
def test_a_perfect_oracle_scores_perfectly(columns):
    of = spec(columns=columns, quantiles=LEVELS)
    test = case(of)
    oracle = Outputs(test["future"], np.repeat(test["future"][..., None], 5, axis=-1))
    found = metrics.score(oracle, test, of, np.ones((1, 50)))
    for name, values in found.items():
        assert values[0] == (100 if name.startswith("coverage") else 0), name


def test_scores_by_hand():
    of = spec(horizon=2, columns=1, quantiles=(0.1, 0.5, 0.9))
    test = {"future": np.array([[[10.0], [12.0]], [[8.0], [8.0]]])}
    forecast = np.array([[[11.0], [12.0]], [[8.0], [4.0]]])
    quantiles = forecast[..., None] + np.array([-2.0, 0.0, 2.0])
    found = metrics.score(Outputs(forecast, quantiles), test, of, np.array([[1, 1], [3, 1]]))
    assert found["mae_degC"].tolist() == [(0.5 + 2) / 2, (1.5 + 2) / 4]
    assert found["rmse_degC"] == pytest.approx([np.sqrt(17 / 4), np.sqrt((3 * 0.5 + 8) / 4)])
    assert found["mase"].tolist() == found["mae_degC"].tolist()
    assert found["scaled_mae"].tolist() == [0.625, 0.4375]
    assert found["scaled_mse"] == pytest.approx([17 / 16, (3 * 0.5 + 8) / 16])
    assert found["coverage_of_80_percent"].tolist() == [75, 87.5]
    assert found["width_of_80_percent_degC"].tolist() == [4, 4]
    loss = metrics.pinball(quantiles, test["future"], np.array([0.1, 0.5, 0.9]))
    assert loss[0, 0, 0] == pytest.approx([0.1 * 1, 0.5 * 1, 0.1 * 3])  # 9, 11, 13 of 10
    total = pinball_by_loops(quantiles, test["future"])
    assert found["scaled_pinball"][0] == pytest.approx(total / 2)


def pinball_by_loops(quantiles, future) -> float:
    total = []
    for place, said in np.ndenumerate(quantiles):
        level, true = (0.1, 0.5, 0.9)[place[-1]], future[place[:-1]]
        total.append(level * (true - said) if true > said else (1 - level) * (said - true))
    return float(np.mean(total))


@pytest.mark.parametrize("levels", [(), LEVELS])
def test_stored_baselines_score_as_before_to_the_last_digit(monkeypatch, tmp_path, levels):
    """Of few rows whose forecasts are stored, and all rows' scores."""
    monkeypatch.setattr(metrics, "MAX_SAVED_BYTES", 400)
    of = spec(history=12, horizon=4, season=6, quantiles=levels)
    train, val, test = parts(of)
    weights = metrics.weights(len(test["future"]), 20, seed=1, spec=of)
    for name, outputs in all_baselines(of, train, val, test).items():
        outputs.save(tmp_path / name)
        loaded = Outputs.load(tmp_path / name)
        assert len(loaded.forecast) < len(test["future"])
        direct = score.score(replace(outputs, row_scores=None), test, of, weights)
        stored = score.score(loaded, test, of, weights)
        assert stored.keys() == direct.keys()
        for metric, values in direct.items():
            np.testing.assert_array_equal(stored[metric], values)


def test_units_are_in_the_names():
    of = spec(columns=2)
    of.task_metadata["units"] = ["degC", "m/s"]
    test = case(of)
    found = metrics.score(Outputs(test["future"] + [1.0, 2.0]), test, of, np.ones((1, 50)))
    assert set(found) == {
        "mase", "scaled_mae", "scaled_mse",
        "mae_a_degC", "rmse_a_degC", "mae_b_m_s", "rmse_b_m_s",
    }  # fmt: skip
    assert found["mae_a_degC"][0] == pytest.approx(1) and found["mae_b_m_s"][0] == pytest.approx(2)


@pytest.mark.parametrize(
    ("columns", "column_units"),
    [
        (("气温", "湿度"), ("°C", "%")),
        (("температура", "влажность"), ("°C", "%")),
        (("नमी", "नामी"), ("%", "mm")),
        (("T (in)", "T [in]"), ("°C", "°C/h")),
        (("a b", "a_b"), ("m/s", "m s")),
        (("🙂", "🙃"), ("€", "$")),
        (("a", "a_C"), ("C", "low")),
        (("a", "a_C", "a_C_low"), ("C", "low", "2")),
        (("x" * 300 + "1", "x" * 300 + "2"), ("m", "s")),
        (("e\u0301t\u00e9", "\u00e9t\u00e9"), ("m", "m ")),
    ],
)
def test_every_column_has_its_metrics_whatever_its_name(columns, column_units):
    """Also beside the bounds that evaluate adds, and as names that MLflow stores unchanged."""
    of = spec(columns=len(columns))
    of.task_metadata.update(columns=list(columns), units=list(column_units))
    test = case(of)
    shift = np.arange(1.0, len(columns) + 1)
    scores = metrics.score(Outputs(test["future"] + shift), test, of, np.ones((1, 50)))
    errors = {name: values[0] for name, values in scores.items() if name.startswith("mae_")}
    np.testing.assert_allclose(list(errors.values()), shift)
    bounds = {f"{name}{bound}" for name in scores for bound in metrics.BOUNDS}
    assert not bounds & set(scores)
    for name in (*scores, *bounds):
        assert names.accepted(f"baseline_seasonal_naive_unseen/{name}").endswith(name)


@pytest.mark.parametrize(
    ("unit", "suffix"),
    [("°C", "C"), ("%", "units"), ("m³/s", "m³_s"), ("градус", "градус"), ("low", "low_2")],
)
def test_a_unit_that_all_columns_share(unit, suffix):
    of = spec(columns=2)
    of.task_metadata["units"] = [unit] * 2
    assert metrics.units(of) == {suffix: [0, 1]}


def test_weights_count_rows_and_no_row_is_no_score():
    of = spec()
    test = case(of)
    said = test["future"] + np.random.default_rng(1).normal(size=test["future"].shape)
    drawn = np.random.default_rng(2).integers(0, 3, 50)
    weighted = metrics.score(Outputs(said), test, of, np.stack([drawn, 0 * drawn]))
    rows = np.repeat(np.arange(50), drawn)
    alone = metrics.score(
        Outputs(said[rows]), {"future": test["future"][rows]}, of, np.ones((1, len(rows)))
    )
    for name in alone:
        assert weighted[name][0] == pytest.approx(alone[name][0], rel=1e-9)
        assert np.isnan(weighted[name][1])


def test_forecasts_that_are_no_numbers_or_of_another_shape():
    of = spec()
    test = case(of)
    with pytest.raises(UserError) as error:
        metrics.score(Outputs(test["future"] * np.nan), test, of, np.ones((1, 50)))
    assert (error.value.code, error.value.value) == ("forecasts-not-finite", 50)
    with pytest.raises(ValueError, match="forecasts"):
        metrics.score(Outputs(test["future"][:, :3]), test, of, np.ones((1, 50)))


def test_blocks_keep_neighbours_and_treat_rows_alike():
    of = spec(horizon=5)  # blocks of 10
    weights = metrics.weights(100, 400, seed=1, spec=of)
    assert weights.shape == (401, 100) and (weights[0] == 1).all()
    assert (weights.sum(axis=1) == 100).all()
    assert np.abs(weights[1:].mean(axis=0) - 1).max() < 0.25
    steps = (np.diff(weights[1:].astype(int), axis=1) != 0).sum(axis=1)
    assert steps.max() <= 20  # ten blocks have at most twenty ends
    again = metrics.weights(100, 400, seed=1, spec=of)
    np.testing.assert_array_equal(weights, again)


def test_blocks_give_dependent_errors_their_true_spread():
    """Moving averages over 5 of noise: the mean of 400 has a standard deviation of 1 / 20."""
    noise = np.random.default_rng(0).standard_normal(404 * 50).reshape(50, 404)
    series = np.stack([np.convolve(row, np.ones(5) / 5, "valid") for row in noise])
    weights = metrics.weights(400, 300, seed=1, spec=spec(horizon=5))
    single = np.stack([np.bincount(np.random.default_rng(n).integers(400, size=400), minlength=400)
                       for n in range(300)])  # fmt: skip
    blocks = (weights[1:] @ series.T / 400).std(axis=0).mean()
    assert 0.04 < blocks < 0.055
    assert (single @ series.T / 400).std(axis=0).mean() < 0.028


def test_a_short_test_part_has_no_interval():
    weights = metrics.weights(39, 5, seed=1, spec=spec(horizon=5))
    assert (weights[0] == 1).all() and not weights[1:].any()
    assert metrics.block_rows(spec(horizon=5, stride=2)) == 5


def test_figures_are_the_same_twice_and_hold_the_numbers(tmp_path):
    of = spec(history=12, horizon=4, season=6, quantiles=LEVELS)
    test = parts(of)[2]
    quantiles = np.repeat(test["future"][..., None], 5, -1) + np.array([-2, -1, 0.5, 1, 2])
    outputs = metrics.outputs_of(quantiles, of)
    model = linear_forecaster(of)
    for name in ("a", "b"):
        figures.draw(outputs, test, of, None, tmp_path / name, model)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert [str(file) for file in files] == [
        "figures/errors_by_step.png", "figures/forecasts.png", "figures/gradients.png",
        "mistakes.csv", "plots/errors_by_step.csv", "plots/forecasts.csv", "plots/gradients.csv",
    ]  # fmt: skip
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    with (tmp_path / "a/plots/errors_by_step.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows] == ["1.0", "2.0", "3.0", "4.0"]
    assert all(float(row["model"]) == pytest.approx(0.5, abs=1e-5) for row in rows)


def test_sensitivity_takes_fewer_windows_than_it_samples():
    of = spec(history=12, horizon=4)
    norms = input_gradients.through_time(
        linear_forecaster(of), {"history": np.ones((3, 12, 1), np.float32)}
    )
    assert norms.shape == (12,) and (norms > 0).all()
