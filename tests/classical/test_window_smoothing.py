"""Exponential smoothing that sees a window alone, against series whose states are known."""

import numpy as np
import pytest

from pipelines.classical.exponential_smoothing import Smoothing
from pipelines.classical.window_smoothing import WindowMaps

SEASONS = np.array([3.0, -1.0, 0.5, -2.5])
HISTORY, HORIZON = 10, 6


def model(phi: float = 1.0, seasons=SEASONS) -> Smoothing:
    return Smoothing(0.4, 0.1, 0.2, phi, level=0.0, trend=0.3, seasons=seasons)


def exact_series(smoothing: Smoothing, begin: int) -> np.ndarray:
    """(h + f,) values that the model forecasts without an error, from step `begin` of a season."""
    level, trend, seasons = 20.0, smoothing.trend, np.roll(smoothing.seasons, -begin)
    values = []
    for step in range(HISTORY + HORIZON):
        level, trend = level + smoothing.phi * trend, smoothing.phi * trend
        values.append(level + seasons[step % len(seasons)])
    return np.array(values)


@pytest.mark.parametrize("penalty", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("phi", [1.0, 0.9])
def test_a_window_without_noise_is_continued_from_any_step_of_the_season(phi, penalty):
    smoothing = model(phi)
    series = np.stack([exact_series(smoothing, begin) for begin in range(4)])
    maps = WindowMaps.of([smoothing], [penalty], HISTORY, HORIZON)
    forecast = maps(series[:, :HISTORY, None])[..., 0]
    np.testing.assert_allclose(forecast, series[:, HISTORY:], atol=2e-3)


def test_the_level_of_the_window_is_that_of_the_forecast():
    history = np.random.default_rng(0).normal(size=(5, HISTORY, 2))
    maps = WindowMaps.of([model(), model(0.9)], [1.0, 0.1], HISTORY, HORIZON)
    np.testing.assert_allclose(maps(history + 1000), maps(history) + 1000, atol=1e-9)


def test_with_a_low_penalty_the_seasons_are_those_of_the_window():
    """Train's seasons were other ones."""
    other = model(seasons=SEASONS[[1, 0, 3, 2]] * 3)
    series = exact_series(other, 0)
    errors = [
        np.abs(
            WindowMaps.of([model()], [penalty], HISTORY, HORIZON)(series[None, :HISTORY, None])[
                0, :, 0
            ]
            - series[HISTORY:]
        ).max()
        for penalty in (1e-3, 1e3)
    ]
    assert errors[0] < 0.1 < 1 < errors[1]


def test_without_a_season_a_constant_window_has_a_constant_forecast():
    smoothing = Smoothing(0.4, 0.1, 0.0, 0.9, level=5.0, trend=0.0, seasons=np.zeros(1))
    maps = WindowMaps.of([smoothing], [1.0], HISTORY, HORIZON)
    np.testing.assert_allclose(maps(np.full((1, HISTORY, 1), 7.0)), 7.0, atol=1e-9)


def test_states_after_a_series_are_those_that_forecast_from_its_end():
    values = np.random.default_rng(1).normal(20, 2, 31)
    smoothing = model(0.95)
    ahead = smoothing(values, np.array([31]), HORIZON)
    after = smoothing.after(values)
    np.testing.assert_allclose(after(values, np.array([0]), HORIZON), ahead, rtol=1e-12)


def test_errors_of_the_states_do_not_grow():
    """alpha and gamma near 1 correct each error twice: forecasts of a long series overflow."""
    unstable = Smoothing(0.99, 0.9, 0.99, 1.0, 0.0, 0.0, np.zeros(24))
    series, origins = np.random.default_rng(0).normal(size=3000), np.array([2999])
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.abs(unstable(series, origins, 24)).max() < 1e6
    stable = unstable.stabilized()
    assert stable.alpha == 0.99 and stable.gamma < 0.5
    assert stable.growth_of_errors() < 1.001 < unstable.growth_of_errors()
    assert np.abs(stable(series, origins, 24)).max() < 100
    kept = model()
    assert kept.stabilized() is kept  # which forgets them already
