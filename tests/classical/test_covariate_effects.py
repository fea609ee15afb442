"""Effects of covariates that are known ahead: what is found, used, and left alone."""

import numpy as np
import pytest

from models.classical.forecasters import forecaster
from pipelines.classical import covariate_effects
from pipelines.tasks.forecasting import baselines
from pipelines.tasks.forecasting.example import example_spec
from tests.support.series import known_of, splits_of

SPEC = example_spec(history=14, horizon=4, season=7, columns=2, covariates=2)
ROWS = 300


@pytest.fixture(scope="module")
def splits():
    """Promotions add 5 to the first column and take 2 from the second; holidays do nothing."""
    rng, steps = np.random.default_rng(0), np.arange(ROWS)
    cycle = 4 * np.sin(2 * np.pi * steps / 7)[:, None] + rng.normal(0, 0.3, (ROWS, 2))
    return splits_of(SPEC, 50 + cycle + known_of(SPEC, ROWS)[:, :1] * [5.0, -2.0])


@pytest.fixture(scope="module")
def strong(splits):
    estimator = forecaster(SPEC)
    estimator.fit(splits["train"], splits["val"], seed=1)
    return estimator


@pytest.mark.parametrize("lag", [1, 7])
def test_effects_are_found(splits, lag):
    effects = covariate_effects.fit(splits["train"], lag)
    np.testing.assert_allclose(effects, [[5, -2], [0, 0]], atol=1.0 if lag == 1 else 0.2)


def test_what_repeats_with_the_season_has_no_effect(splits):
    """It does not change from season to season, so the season has it already."""
    train = dict(splits["train"])
    origin, steps = np.asarray(train["origin"])[:, None], np.arange(-14, 4)
    weekend = ((origin + steps) % 7 >= 5).astype(np.float32)[..., None]
    train["known_covariates"] = np.concatenate([train["known_covariates"], weekend], axis=2)
    effects = covariate_effects.fit(train, 7)
    assert np.abs(effects[2]).max() < 1e-6
    assert effects[0, 0] == pytest.approx(5, abs=0.2)


def test_the_rest_and_the_effects_are_the_series(splits):
    effects, val = np.array([[5.0, -2.0], [1.0, 0.5]]), splits["val"]
    history, ahead = covariate_effects.apart(val, effects)
    rest = covariate_effects.removed(val, effects)
    np.testing.assert_allclose(rest["history"], history, atol=1e-5)
    np.testing.assert_allclose(rest["future"] + ahead, val["future"], atol=1e-5)


def test_forecasts_are_better_with_them(splits, strong):
    without = forecaster(example_spec(history=14, horizon=4, season=7, columns=2))
    without.fit(splits["train"], splits["val"], seed=1)
    for name in ("ridge", "window_smoothing"):
        found, plain = strong.components[name], without.components[name]
        assert found.selection.value < 0.5 * plain.selection.value, name
        assert "x0, x1" in found.selection.settings
    assert not strong.components["seasonal_naive"].effects.any()  # stays naive


def test_smoothing_of_the_whole_past_has_them_too(splits, strong):
    spec = example_spec(history=14, horizon=4, season=7, columns=2)
    plain = forecaster(spec)
    plain.fit(splits["train"], splits["val"], seed=1)
    parts = [splits[name] for name in ("train", "val", "test")]
    outputs, error = baselines.smoothing(*parts, SPEC, strong)
    expected, worse = baselines.smoothing(*parts, spec, plain)
    assert error < 0.5 * worse
    missed, more = (
        np.abs(o.forecast - splits["test"]["future"]).mean() for o in (outputs, expected)
    )
    assert missed < 0.5 * more


def test_what_says_nothing_is_left_out():
    spec = example_spec(history=14, horizon=4, season=6, covariates=1)
    steps = np.arange(200)
    smooth = (20 + 5 * np.sin(steps * np.pi / 3) + 0.01 * steps)[:, None]
    estimator = forecaster(spec, method="ridge")
    parts = splits_of(spec, smooth + np.random.default_rng(7).normal(0, 0.5, (200, 1)))
    estimator.fit(parts["train"], parts["val"], seed=1)
    changed = {
        **parts["test"],
        "known_covariates": 1 - np.asarray(parts["test"]["known_covariates"]),
    }
    forecasts = [estimator.predict(c)["forecast"] for c in (parts["test"], changed)]
    assert np.abs(forecasts[0] - forecasts[1]).max() < 0.5  # within the noise
