"""Ridge from moments: what it says, what validation says of it, and what must not matter."""

import numpy as np
import pytest
from model_checks import series_spec

from pipelines import ridge
from pipelines.arrays import Windows
from pipelines.forecasting import baselines
from pipelines.ridge import Moments, Ridge, Sums


def noise(*shape, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def a_part(rows=200, columns=2, seed=0) -> dict:
    """Windows of 6 and 3 steps, of columns that go in steps of chance."""
    series = noise(rows, columns, seed=seed).cumsum(axis=0).astype(np.float32)
    cuts = {"history": Windows(series[:-3], 6), "future": Windows(series[6:], 3)}
    return {name: cut.view() for name, cut in cuts.items()}


def moments(part: dict) -> Moments:
    return Moments.of(part["history"], part["future"])


def sums(part: dict, std: np.ndarray) -> Sums:
    return Sums.of(part["history"], part["future"], std)


def test_by_hand():
    """Two steps of history a, b: deviations -d, d. One step ahead of level + 3 d."""
    d = np.array([1.0, 2.0, -1.0, 3.0])
    history = np.stack([5 - d, 5 + d], axis=1)[:, :, None]
    future = (5 + 3 * d)[:, None, None]
    free = Ridge.fit(Moments.of(history, future), 1e-9)
    np.testing.assert_allclose(free(history), future, atol=1e-6)
    np.testing.assert_allclose(free(history + 100), future + 100, atol=1e-6)
    stiff = Ridge.fit(Moments.of(history, future), 1e12)
    # no weight on the past: what is left is the mean of what came, above the level
    np.testing.assert_allclose(stiff(history), np.full((4, 1, 1), 5 + 3 * d.mean()), atol=1e-6)
    two = np.repeat(history, 2, axis=2), np.repeat(future, 2, axis=2)
    for std in (None, np.ones(2)):  # and several columns have no such mean
        several = Ridge.fit(Moments.of(*two), 1e12, std)
        np.testing.assert_allclose(several(two[0]), np.full((4, 1, 2), 5.0), atol=1e-6)


@pytest.mark.parametrize("std", [None, np.array([1.0, 3.0])], ids=["each", "shared"])
def test_loss_is_that_of_the_forecasts(std):
    train, val = a_part(), a_part(90, seed=1)
    machine = Ridge.fit(moments(train), 1.0, std)
    made = np.square(machine(val["history"]) - val["future"]).mean(axis=(0, 1))
    np.testing.assert_allclose(moments(val).loss(machine), made, rtol=1e-9)


@pytest.mark.parametrize("std", [None, np.array([1.0, 3.0])], ids=["each", "shared"])
def test_no_other_weights_have_a_lower_loss(std):
    sums = moments(a_part())
    machine = Ridge.fit(sums, 0.0, std)
    scale = np.ones(2) if std is None else std
    best = (sums.loss(machine) / np.square(scale)).sum()
    for seed in range(5):
        nudge = 1e-3 * noise(*machine.weights.shape, seed=seed)
        nudge[:, 0] = 0
        other = Ridge(machine.weights + nudge)
        assert (sums.loss(other) / np.square(scale)).sum() > best


def test_sums_of_parts_are_sums_of_all_and_pieces_do_not_matter(monkeypatch):
    part = a_part()
    whole = moments(part)
    halves = [{name: array[rows] for name, array in part.items()}
              for rows in (slice(None, 70), slice(70, None))]  # fmt: skip
    monkeypatch.setattr(ridge, "AT_ONCE", 7)
    joined = moments(halves[0]) + moments(halves[1])
    for name in ("square", "product", "energy"):
        np.testing.assert_allclose(getattr(joined, name), getattr(whole, name), rtol=1e-10)
    assert joined.count == whole.count == 3 * len(part["future"])
    machine = Ridge.fit(whole, 1.0)
    in_pieces = machine(part["history"])
    monkeypatch.setattr(ridge, "AT_ONCE", 1000)
    np.testing.assert_allclose(machine(part["history"]), in_pieces, rtol=1e-12)


def test_a_column_in_another_unit_changes_nothing():
    """One map for all columns must not serve the one of the largest numbers alone."""
    unit = np.array([1.0, 1000.0], np.float32)
    train, val = a_part(), a_part(90, seed=1)
    std = train["future"].std(axis=(0, 1))
    other = [{name: array * unit for name, array in part.items()} for part in (train, val)]
    own = [sums(part, std) for part in (train, val)]
    scaled = [sums(part, std * unit) for part in other]
    for even in (False, True):
        one = Ridge.fit(own[0][even], 1.0, std)
        again = Ridge.fit(scaled[0][even], 1.0, std * unit)
        np.testing.assert_allclose(again.weights, one.weights, rtol=1e-4, atol=1e-6)
    assert ridge.choose(*scaled, std * unit) == ridge.choose(*own, std)


def test_restless_windows_do_not_decide_alone():
    """Most windows turn round; a few, a hundred times as wide, go on."""
    history = noise(300, 5, 1)
    history[:10] *= 100
    deviations = history - history.mean(axis=1, keepdims=True)
    sign = np.where(np.arange(300) < 10, 1.0, -1.0)[:, None, None]
    future = history.mean(axis=1, keepdims=True) + sign * deviations[:, -1:]
    calm = {"history": history[10:], "future": future[10:]}
    std = history[10:].std(axis=(0, 1))
    whole = sums({"history": history, "future": future}, std)
    plain, even = (Ridge.fit(part, 1e-6)(calm["history"]) for part in whole)
    wrong, right = (np.square(said - calm["future"]).mean() for said in (plain, even))
    assert right < 0.1 * wrong
    (choice,) = ridge.choose(whole, sums(calm, std), std)
    assert choice.even and not choice.shared
    assert str(choice).endswith("windows divided by their spread")


def case(refit: bool):
    """Columns of which one goes on as it ended, and the other turns round."""
    history = noise(300, 5, 2)
    level = history.mean(axis=1, keepdims=True)
    future = level + (history - level)[:, -1:] * [1.0, -1.0]
    parts = [{"history": history[rows], "future": future[rows]}
             for rows in (slice(200), slice(200, 250), slice(250, 300))]  # fmt: skip
    of = series_spec(history=5, horizon=1, columns=2)
    of.facts["refit"] = refit
    return parts, of


def test_a_map_for_each_column_where_columns_differ():
    parts, of = case(refit=True)
    on_val, on_test, said = baselines.ridge(*parts, of)
    assert "fitted to all columns" not in said
    np.testing.assert_allclose(on_val, parts[1]["future"], atol=1e-3)
    np.testing.assert_allclose(on_test, parts[2]["future"], atol=1e-3)


def test_each_column_is_fitted_as_val_has_it():
    """Five noisy columns go on in the same way, of which one map learns more; one does not."""
    history = noise(430, 8, 6)
    level = history.mean(axis=1, keepdims=True)
    on = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    future = level + (history - level)[:, -1:] * on + noise(430, 1, 6, seed=1)
    std = np.ones(6)
    train, val = (sums({"history": history[rows], "future": future[rows]}, std)
                  for rows in (slice(30), slice(30, None)))  # fmt: skip
    choices = ridge.choose(train, val, std)
    assert any(choice.shared for choice in choices[:5])
    assert choices[5] not in choices[:5]
    found = val.plain.loss(ridge.fit(train, std, choices))
    for other in set(choices):
        assert (found <= val.plain.loss(other.fit(train, std)) + 1e-12).all()


def test_what_is_long_ago_can_be_trusted_less():
    """The last reading and one of old say the same, but for noise: weight goes to the younger."""
    history = noise(400, 8, 1)
    history[:, 0] = history[:, -1]
    future = history.mean(axis=1, keepdims=True) + history[:, -1:]
    of = Moments.of(history, future)
    weights = {aging: Ridge.fit(of, 10.0, aging=aging).weights[0, 1:, 0] for aging in (0, 1, 2)}
    np.testing.assert_allclose(weights[0][0], weights[0][-1], rtol=1e-6)
    # Of two equal columns each has a weight in inverse proportion to its penalty: age 8 and age 1.
    np.testing.assert_allclose(weights[1][-1] / weights[1][0], 8, rtol=1e-6)
    np.testing.assert_allclose(weights[2][-1] / weights[2][0], 64, rtol=1e-6)


def test_what_was_chosen_is_told_by_column():
    one, other = ridge.Choice(False, True, 0, 10.0), ridge.Choice(True, False, 2, 0.1)
    assert ridge.described([one, one], ["a", "b"]) == "penalty 10, fitted to all columns"
    assert ridge.described([one, other, one], ["a", "b", "c"]) == (
        "a, c: penalty 10, fitted to all columns; "
        "b: penalty 0.1 by age squared, windows divided by their spread"
    )


@pytest.mark.parametrize("refit", [True, False])
def test_what_test_is_forecast_from(refit):
    parts, of = case(refit)
    for seed, part in enumerate(parts):  # so that it is no tie
        part["future"] = part["future"] + 0.1 * noise(*part["future"].shape, seed=9 + seed)
    before = baselines.ridge(*parts, of)
    parts[1]["future"] = parts[1]["future"] + 1e-6
    after = baselines.ridge(*parts, of)
    assert before[2] == after[2]
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[1] == after[1]).all() != refit
