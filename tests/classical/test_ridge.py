"""Ridge from moments: what it says, what other windows say of it, what must not matter, and how
rolling origins choose it."""

import numpy as np
import pytest

from models.classical import forecasters
from pipelines.classical.ridge import moments as sums_of_windows
from pipelines.classical.ridge import rolling_origin
from pipelines.classical.ridge.moments import Moments
from pipelines.classical.ridge.path import RegularizationPath, Ridge
from pipelines.classical.ridge.rolling_origin import Hyperparameters, Selection, Sums
from pipelines.storage.arrays import WindowIndex
from pipelines.tasks.forecasting.example import example_spec as series_spec


def noise(*shape, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def a_part(rows=200, columns=2, seed=0) -> dict:
    """Windows of 6 and 3 steps, of columns that go in steps of chance."""
    series = noise(rows, columns, seed=seed).cumsum(axis=0).astype(np.float32)
    cuts = {"history": WindowIndex(series[:-3], 6), "future": WindowIndex(series[6:], 3)}
    return {name: cut.view() for name, cut in cuts.items()}


def moments(part: dict) -> Moments:
    return Moments.of(part["history"], part["future"])


def fitted(moments: Moments, penalty: float, std=None, age_power=0) -> Ridge:
    """A map for each column, or one for all whose deviations are `std`."""
    constant = len(moments.gram) == 1
    grouped = moments if std is None else moments.pooled(std)
    return RegularizationPath.of(grouped, constant, age_power).at(penalty)


def in_time(part: dict) -> dict:
    return part | {"origin": np.arange(len(part["history"]))}


def chosen(train: dict, val: dict, std) -> Selection:
    (_, steps, columns), horizon = train["history"].shape, train["future"].shape[1]
    of = series_spec(history=steps, horizon=horizon, columns=columns, std=list(std))
    return rolling_origin.choose(in_time(train), val, of)


def test_by_hand():
    """Two steps of history a, b: deviations -d, d. One step ahead of level + 3 d."""
    d = np.array([1.0, 2.0, -1.0, 3.0])
    history = np.stack([5 - d, 5 + d], axis=1)[:, :, None]
    future = (5 + 3 * d)[:, None, None]
    free = fitted(Moments.of(history, future), 1e-9)
    np.testing.assert_allclose(free(history), future, atol=1e-6)
    np.testing.assert_allclose(free(history + 100), future + 100, atol=1e-6)
    stiff = fitted(Moments.of(history, future), 1e12)
    # no weight on the past: what is left is the mean of what came, above the level
    np.testing.assert_allclose(stiff(history), np.full((4, 1, 1), 5 + 3 * d.mean()), atol=1e-6)
    two = np.repeat(history, 2, axis=2), np.repeat(future, 2, axis=2)
    for std in (None, np.ones(2)):  # and several columns have no such mean
        several = fitted(Moments.of(*two), 1e12, std)
        np.testing.assert_allclose(several(two[0]), np.full((4, 1, 2), 5.0), atol=1e-6)


@pytest.mark.parametrize("age_power", [0, 2])
@pytest.mark.parametrize("columns", [1, 2])
def test_a_path_has_what_the_normal_equations_have(columns, age_power):
    of = moments(a_part(columns=columns))
    machine = fitted(of, 10.0, age_power=age_power)
    age = np.arange(6, 0, -1.0) ** age_power
    first = 0 if columns == 1 else 1
    for column in range(columns):
        square, product = of.gram[column], of.cross[column]
        size = np.trace(square[1:, 1:]) / 6
        penalised = square + np.diag([0.0, *(10.0e-3 * size * age / age.mean())])
        wanted = np.linalg.solve(penalised[first:, first:], product[first:])
        np.testing.assert_allclose(machine.weights[column, first:], wanted, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("std", [None, np.array([1.0, 3.0])], ids=["each", "shared"])
@pytest.mark.parametrize("age_power", [0, 1])
def test_losses_are_those_of_the_forecasts(std, age_power):
    train, val = a_part(), a_part(90, seed=1)
    grouped = moments(train) if std is None else moments(train).pooled(std)
    path = RegularizationPath.of(grouped, False, age_power)
    losses = path.losses(moments(val), np.array([1e-3, 1.0, 1e3]))
    for penalty, found in zip((1e-3, 1.0, 1e3), losses, strict=True):
        missed = path.at(penalty)(val["history"]) - val["future"]
        np.testing.assert_allclose(found, np.square(missed).mean(axis=(0, 1)), rtol=1e-7)


def test_losses_with_a_constant_are_those_of_the_forecasts():
    train, val = a_part(columns=1), a_part(90, 1, seed=1)
    path = RegularizationPath.of(moments(train), True)
    missed = path.at(2.0)(val["history"]) - val["future"]
    found = path.losses(moments(val), np.array([2.0]))
    np.testing.assert_allclose(found, [[np.square(missed).mean()]], rtol=1e-7)


@pytest.mark.parametrize("std", [None, np.array([1.0, 3.0])], ids=["each", "shared"])
def test_no_other_weights_have_a_lower_loss(std):
    part = a_part()
    machine = fitted(moments(part), 1e-6, std)
    scale = np.ones(2) if std is None else std

    def missed(one: Ridge) -> float:
        return np.square((one(part["history"]) - part["future"]) / scale).sum()

    for seed in range(5):
        nudge = 1e-2 * noise(*machine.weights.shape, seed=seed)
        nudge[:, 0] = 0
        assert missed(Ridge(machine.weights + nudge)) > missed(machine)


def test_sums_of_parts_are_sums_of_all_and_pieces_do_not_matter(monkeypatch):
    part = a_part()
    whole = moments(part)
    halves = [{name: array[rows] for name, array in part.items()}
              for rows in (slice(None, 70), slice(70, None))]  # fmt: skip
    monkeypatch.setattr(sums_of_windows, "CHUNK_WINDOWS", 7)
    joined = moments(halves[0]) + moments(halves[1])
    for name in ("gram", "cross", "energy"):
        np.testing.assert_allclose(getattr(joined, name), getattr(whole, name), rtol=1e-10)
    assert joined.count == whole.count == 3 * len(part["future"])
    machine = fitted(whole, 1.0)
    in_pieces = machine(part["history"])
    monkeypatch.setattr(sums_of_windows, "CHUNK_WINDOWS", 1000)
    np.testing.assert_allclose(machine(part["history"]), in_pieces, rtol=1e-12)


def test_a_column_in_another_unit_changes_nothing():
    """One map for all columns must not serve the one of the largest numbers alone."""
    unit = np.array([1.0, 1000.0], np.float32)
    train, val = a_part(), a_part(90, seed=1)
    std = train["future"].std(axis=(0, 1))
    other = [{name: array * unit for name, array in part.items()} for part in (train, val)]
    for even in (False, True):
        own, scaled = (
            Moments.of(part["history"], part["future"], each if even else None)
            for part, each in ((train, std), (other[0], std * unit))
        )
        again = fitted(scaled, 1.0, std * unit)
        wanted = fitted(own, 1.0, std).weights
        np.testing.assert_allclose(again.weights, wanted, rtol=1e-4, atol=1e-6)
    assert chosen(*other, std * unit).hyperparameters == chosen(train, val, std).hyperparameters


def test_restless_windows_do_not_decide_alone():
    """Most windows turn round; a few, a hundred times as wide, go on."""
    history = noise(300, 5, 1)
    restless = np.arange(300) % 30 == 0
    history[restless] *= 100
    deviations = history - history.mean(axis=1, keepdims=True)
    sign = np.where(restless, 1.0, -1.0)[:, None, None]
    future = history.mean(axis=1, keepdims=True) + sign * deviations[:, -1:]
    calm = {"history": history[~restless], "future": future[~restless]}
    std = calm["history"].std(axis=(0, 1))
    wrong, right = (
        np.square(fitted(Moments.of(history, future, each), 1e-6)(calm["history"]) - calm["future"])
        for each in (None, std)
    )
    assert right.mean() < 0.1 * wrong.mean()
    whole = Sums.of({"history": history, "future": future}, slice(None), std)
    judged = Sums.of(calm, slice(None), std)
    paths = {even: Hyperparameters(even, False, 0, 0.0).path(whole, std) for even in (False, True)}
    best = {even: path.losses(judged.plain, np.ones(1)) for even, path in paths.items()}
    assert best[True] < 0.1 * best[False]


def case(refit: bool):
    """Columns of which one goes on as it ended, and the other turns round."""
    history = noise(300, 5, 2)
    level = history.mean(axis=1, keepdims=True)
    future = level + (history - level)[:, -1:] * [1.0, -1.0]
    parts = [in_time({"history": history[rows], "future": future[rows]})
             for rows in (slice(200), slice(200, 250), slice(250, 300))]  # fmt: skip
    of = series_spec(history=5, horizon=1, columns=2)
    of.task_metadata["refit"] = refit
    return parts, of


def forecasts(train: dict, val: dict, test: dict, of) -> tuple:
    """(forecasts of val, forecasts of test, settings) as the classical forecaster makes them."""
    estimator = forecasters.forecaster(of, method="ridge")
    on_val, method, settings = estimator._fitted("ridge", train, val)
    return on_val, method(test["history"]), settings


def test_a_map_for_each_column_where_columns_differ():
    parts, of = case(refit=True)
    on_val, on_test, said = forecasts(*parts, of)
    assert "fitted to all columns" not in said
    np.testing.assert_allclose(on_val, parts[1]["future"], atol=1e-3)
    np.testing.assert_allclose(on_test, parts[2]["future"], atol=1e-3)


def test_one_map_for_those_columns_that_are_alike():
    """Five noisy columns go on in the same way, of which one map learns more; one does not."""
    history = noise(460, 8, 6)
    level = history.mean(axis=1, keepdims=True)
    on = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    future = level + (history - level)[:, -1:] * on + noise(460, 1, 6, seed=1)
    train, val = ({"history": history[rows], "future": future[rows]}
                  for rows in (slice(60), slice(60, None)))  # fmt: skip
    found = chosen(train, val, np.ones(6))
    assert any(choice.shared for choice in found.hyperparameters[:5])
    assert found.hyperparameters[5] not in found.hyperparameters[:5]
    weights = found.fit().weights
    for column, choice in enumerate(found.hyperparameters):
        alone = choice.path(found.train, np.ones(6)).at(choice.penalty).weights
        own = alone[0] if choice.shared else alone[column]
        np.testing.assert_array_equal(weights[column], own)


def changing(rows: int, turns: int) -> dict:
    """One column that goes on as it ended until `turns`, and from there the other way round."""
    history = noise(rows, 4, 1)
    level = history.mean(axis=1, keepdims=True)
    sign = np.where(np.arange(rows) < turns, 1.0, -1.0)[:, None, None]
    return {"history": history, "future": level + sign * (history - level)[:, -1:]}


def test_val_alone_does_not_decide():
    """What a map has learned holds for train's third and last quarter, and in val no more."""
    train, val = changing(400, turns=400), changing(100, turns=0)
    (choice,) = chosen(train, val, np.ones(1)).hyperparameters
    assert choice.penalty < 1.0
    whole, judged = (Sums.of(part, slice(None), np.ones(1)) for part in (train, val))
    alone = choice.path(whole, np.ones(1)).losses(judged.plain, rolling_origin.PENALTIES)
    assert alone.argmin() == len(alone) - 1  # val alone would have no weight at all


def test_stretches_are_judged_by_what_lies_after_all_that_was_fitted():
    rows, horizon = 40, 3
    part = in_time({"history": noise(rows, 4, 1), "future": noise(rows, horizon, 1, seed=1)})
    folds, whole = rolling_origin._rolling_folds(part, horizon, np.ones(1))
    counts = [tuple(sums.plain.count // horizon for sums in fold) for fold in folds]
    # WindowIndex 20 and 21 have targets that window 19 has too; so have 30 and 31.
    assert counts == [(20, 8), (30, 8)]
    later = Sums.of(part, slice(22, 30), np.ones(1))
    np.testing.assert_allclose(folds[0][1].plain.cross, later.plain.cross)
    together = Sums.of(part, slice(None), np.ones(1))
    np.testing.assert_allclose(whole.normalized.gram, together.normalized.gram)


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_a_train_part_too_short_for_stretches_leaves_it_to_val(rows):
    part = {"history": noise(rows, 4, 1), "future": noise(rows, 3, 1, seed=1)}
    folds, whole = rolling_origin._rolling_folds(in_time(part), 3, np.ones(1))
    assert folds == []
    assert whole.plain.count == 3 * rows
    assert np.isfinite(chosen(part, part, np.ones(1)).fit().weights).all()


def test_what_is_long_ago_can_be_trusted_less():
    """The last reading and one of old say the same, but for noise: weight goes to the younger."""
    history = noise(400, 8, 1)
    history[:, 0] = history[:, -1]
    future = history.mean(axis=1, keepdims=True) + history[:, -1:]
    of = Moments.of(history, future)
    weights = {
        age_power: fitted(of, 10.0, age_power=age_power).weights[0, 1:, 0]
        for age_power in (0, 1, 2)
    }
    np.testing.assert_allclose(weights[0][0], weights[0][-1], rtol=1e-6)
    # Of two equal columns each has a weight in inverse proportion to its penalty: age 8 and age 1.
    np.testing.assert_allclose(weights[1][-1] / weights[1][0], 8, rtol=1e-6)
    np.testing.assert_allclose(weights[2][-1] / weights[2][0], 64, rtol=1e-6)


def test_what_was_chosen_is_told_by_column():
    one, other = Hyperparameters(False, True, 0, 10.0), Hyperparameters(True, False, 2, 0.1)
    said = [str(Selection(choices, columns, *3 * [None])) for choices, columns in (
        ([one, one], ["a", "b"]), ([one, other, one], ["a", "b", "c"])
    )]  # fmt: skip
    assert said == [
        "penalty 10, fitted to all columns",
        "a, c: penalty 10, fitted to all columns; "
        "b: penalty 0.1 by age squared, windows divided by their spread",
    ]


@pytest.mark.parametrize("refit", [True, False])
def test_what_test_is_forecast_from(refit):
    parts, of = case(refit)
    for seed, part in enumerate(parts):  # so that it is no tie
        part["future"] = part["future"] + 0.1 * noise(*part["future"].shape, seed=9 + seed)
    before = forecasts(*parts, of)
    parts[1]["future"] = parts[1]["future"] + 1e-6
    after = forecasts(*parts, of)
    assert before[2] == after[2]
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[1] == after[1]).all() != refit
