"""The graph of a classical forecaster answers what numpy computes, on awkward windows too."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from models.classical.forecasters import forecaster
from pipelines.tasks.forecasting import serve, serve_classical
from pipelines.tasks.forecasting.example import example_spec
from tests.support.series import splits_of

METHODS = (
    "persistence", "seasonal_naive", "mean_profile", "seasonal_growth", "ridge", "window_smoothing",
)  # fmt: skip


@pytest.fixture(scope="module", params=[0, 2])
def spec(request):
    return example_spec(
        history=14, horizon=6, season=6, columns=2, quantiles=(0.1, 0.5, 0.9),
        covariates=request.param,
    )  # fmt: skip


@pytest.fixture(scope="module")
def estimators(spec):
    splits = splits_of(spec, rows=260)
    fitted = forecaster(spec)
    fitted.fit(splits["train"], splits["val"], seed=1)
    return fitted, splits["test"]


def served(estimator, spec, columns):
    _, signatures = serve_classical.estimator_endpoints(estimator, spec, None)
    requests = {name: tf.constant(columns[name], tf.float32) for name in spec.request_inputs}
    answer = signatures["serving_default"](**requests)
    return {name: values.numpy() for name, values in answer.items()}


def requests_of(test, spec, rows=None):
    return {name: np.array(test[name][:rows]) for name in spec.request_inputs}


class Single:
    """A component as the estimator that a graph is made of."""

    def __init__(self, component):
        self.best = component


@pytest.mark.parametrize("method", METHODS)
def test_equal_on_every_window(estimators, spec, method):
    estimator, test = estimators
    awkward = np.stack([
        np.full((14, 2), 7.0), np.zeros((14, 2)), np.full((14, 2), -3.0),
        np.full((14, 2), 1e6), np.eye(14)[:, :2], np.linspace(-5, 5, 28).reshape(14, 2),
    ]).astype(np.float32)  # fmt: skip
    columns = requests_of(test, spec)
    columns["history"] = np.concatenate([columns["history"], awkward])
    if "known_covariates" in columns:
        columns["known_covariates"] = np.concatenate(
            [columns["known_covariates"], columns["known_covariates"][: len(awkward)]]
        )
    component = estimator.components[method]
    expected = component.predict(columns)
    assert np.isfinite(expected["forecast"]).all()
    answer = served(Single(component), spec, columns)
    assert set(answer) == set(expected) == {"forecast", "quantiles"}
    for name, values in answer.items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, expected[name], rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_finite_spoils_its_row_alone(estimators, spec, method):
    estimator, test = estimators
    component = Single(estimator.components[method])
    columns = requests_of(test, spec, rows=3)
    expected = served(component, spec, columns)
    for value, spoilt in itertools.product((np.nan, np.inf), columns):
        awkward = {**columns, spoilt: columns[spoilt].copy()}
        awkward[spoilt][1, 2, 0] = value
        answer = served(component, spec, awkward)
        for name, values in answer.items():
            assert np.isnan(values[1]).all()
            np.testing.assert_array_equal(values[[0, 2]], expected[name][[0, 2]])


def test_saved_and_loaded_it_answers_the_same(estimators, spec, tmp_path):
    estimator, test = estimators
    module, signatures = serve_classical.estimator_endpoints(estimator, spec, None)
    tf.saved_model.save(module, str(tmp_path / "model"), signatures)
    loaded = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    columns = requests_of(test, spec)
    expected = estimator.predict(columns)
    for name, values in loaded(**{n: tf.constant(c) for n, c in columns.items()}).items():
        np.testing.assert_allclose(values.numpy(), expected[name], rtol=1e-6, atol=1e-6)
    none = {name: tf.constant(column[:0]) for name, column in columns.items()}
    assert loaded(**none)["forecast"].shape == (0, 6, 2)


def test_what_is_scored_is_the_forecast_that_was_answered(estimators, spec):
    """Not the median, from which the forecast of the least squares may differ."""
    estimator, test = estimators
    component = estimator.components["persistence"]
    answer = served(Single(component), spec, requests_of(test, spec))
    outputs = serve.outputs(answer, spec)
    np.testing.assert_array_equal(outputs.forecast, answer["forecast"])
    assert np.abs(outputs.quantiles[..., 1] - outputs.forecast).max() > 0.01
    np.testing.assert_array_equal(outputs.quantiles, answer["quantiles"])
