"""Bias, variance and noise add up to the error on values that are drawn."""

import numpy as np
import pytest

from benchmarks import bias_variance as lesson


@pytest.fixture(scope="module")
def fits() -> dict[str, lesson.Fits]:
    return {name: lesson.fit(degree) for name, degree in lesson.SHOWN.items()}


def test_the_sum_is_the_error_on_new_values(fits):
    rng = np.random.default_rng(2)
    for fitted in fits.values():
        new = lesson.truth(lesson.X) + rng.normal(0, lesson.NOISE, fitted.curves.shape)
        assert np.mean((fitted.curves - new) ** 2) == pytest.approx(fitted.error, rel=0.05)


def test_one_underfits_one_overfits(fits):
    under, fair, over = fits.values()
    assert under.train_error > fair.train_error > over.train_error
    assert fair.error < under.error < over.error
    assert under.bias > 10 * under.variance and over.variance > 10 * over.bias


def test_more_rows_help_against_variance_alone(fits):
    under, _, over = fits.values()
    degrees = lesson.SHOWN.values()
    many_under, _, many_over = (lesson.fit(degree, rows=200, sets=100) for degree in degrees)
    assert many_over.error < 0.2 * over.error
    assert many_under.error == pytest.approx(under.error, rel=0.1)
