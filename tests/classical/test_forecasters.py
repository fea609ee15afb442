"""Classical forecasters as models: which is the best, what is stored, what is refused."""

import numpy as np
import pytest

from models.classical.forecasters import forecaster
from pipelines.tasks.forecasting import metrics
from pipelines.tasks.forecasting.example import example_spec
from pipelines.tasks.forecasting.info import INFO
from pipelines.tasks.forecasting.metrics import Outputs
from tests.support.series import splits_of
from tests.support.user_errors import user_error

LEVELS = (0.1, 0.5, 0.9)
NAMES = (
    "persistence", "seasonal_naive", "mean_profile", "seasonal_growth", "ridge", "window_smoothing",
)  # fmt: skip


def fitted(spec, splits, **arguments):
    estimator = forecaster(spec, **arguments)
    estimator.fit(splits["train"], splits["val"], seed=1)
    return estimator


def errors_on_val(estimator, spec, val) -> dict[str, float]:
    """By the metric that champions are chosen by."""
    weights = np.ones((1, len(val["future"])), np.uint8)
    return {
        name: metrics.score(Outputs(**component.predict(val)), val, spec, weights)[
            INFO.primary_metric
        ][0]
        for name, component in estimator.components.items()
    }


@pytest.fixture(scope="module", params=[1, 2])
def trained(request):
    """(spec, splits, estimator) with one column, and with two and a covariate."""
    spec = example_spec(
        history=14, horizon=4, season=6, columns=request.param, quantiles=LEVELS,
        std=[2.0, 0.5][: request.param], covariates=request.param - 1,
    )  # fmt: skip
    spec.task_metadata["mase_scale"] = [1.5, 0.2][: request.param]
    spec.task_metadata["refit"] = False
    splits = splits_of(spec)
    return spec, splits, fitted(spec, splits)


def test_the_best_has_the_lowest_error_by_the_headline_metric(trained):
    spec, splits, estimator = trained
    assert tuple(estimator.components) == NAMES
    errors = errors_on_val(estimator, spec, splits["val"])
    assert estimator.selection.metric == f"val/{INFO.primary_metric}"
    assert estimator.selection.value == pytest.approx(min(errors.values()), rel=1e-6)
    for name, component in estimator.components.items():
        assert component.selection.value == pytest.approx(errors[name], rel=1e-6), name
    best = min(errors, key=errors.get)
    np.testing.assert_array_equal(
        estimator.predict(splits["test"])["forecast"],
        estimator.components[best].predict(splits["test"])["forecast"],
    )


def test_errors_are_divided_by_the_scale_of_the_headline_metric():
    """Persistence is the best of rare jumps, not of a season with noise; the jumps matter."""
    spec = example_spec(history=12, horizon=2, season=6, columns=2)
    spec.task_metadata["mase_scale"] = [1e4, 1e-3]
    rng, rows = np.random.default_rng(0), 400
    season = 50 * np.sin(np.arange(rows) * np.pi / 3) + rng.normal(0, 5, rows)
    jumps = np.cumsum((rng.random(rows) < 0.05) * rng.normal(0, 1, rows))
    splits = splits_of(spec, 100 + np.stack([season, jumps], axis=1))
    estimator = fitted(spec, splits)
    future = splits["val"]["future"]
    squared = {
        name: np.square(component.predict(splits["val"])["forecast"] - future).mean()
        for name, component in estimator.components.items()
    }
    absolute = errors_on_val(estimator, spec, splits["val"])
    best = min(absolute, key=absolute.get)
    assert absolute[best] < absolute[min(squared, key=squared.get)] / 1.2
    assert estimator.selection.value == pytest.approx(absolute[best], rel=1e-6)


def test_stored_and_restored_it_forecasts_the_same(trained, tmp_path):
    spec, splits, estimator = trained
    estimator.save(tmp_path)
    restored = forecaster(spec)
    restored.restore(tmp_path)
    assert restored.selection == estimator.selection
    assert restored.parameters == estimator.parameters > 0
    assert list(restored.components) == list(estimator.components)
    for name, component in estimator.components.items():
        expected = component.predict(splits["test"])
        for key, values in restored.components[name].predict(splits["test"]).items():
            np.testing.assert_array_equal(values, expected[key], err_msg=f"{name} {key}")
    assert not list(tmp_path.rglob("*.pkl"))


def test_quantiles_are_those_of_the_errors_on_val(trained):
    spec, splits, estimator = trained
    for component in estimator.components.values():
        predicted = component.predict(splits["val"])
        assert (np.diff(predicted["quantiles"], axis=-1) >= 0).all()
        below = (splits["val"]["future"][..., None] <= predicted["quantiles"] + 1e-5).mean(axis=0)
        np.testing.assert_allclose(below, np.broadcast_to(LEVELS, below.shape), atol=0.06)


def test_one_method_alone():
    spec = example_spec(history=14, horizon=4, season=6)
    splits = splits_of(spec)
    estimator = fitted(spec, splits, method="seasonal_naive")
    assert list(estimator.components) == ["seasonal_naive"]
    expected = np.asarray(splits["test"]["history"])[:, -6:][:, :4]
    np.testing.assert_array_equal(estimator.predict(splits["test"])["forecast"], expected)


def test_without_a_season_there_are_no_seasonal_methods():
    spec = example_spec(history=14, horizon=4, season=1)
    estimator = fitted(spec, splits_of(spec))
    assert list(estimator.components) == ["persistence", "ridge", "window_smoothing"]
    with user_error("method-undefined", key="build.method", value="mean_profile"):
        forecaster(spec, method="mean_profile")


def test_growth_is_left_out_where_values_are_not_above_zero():
    spec = example_spec(history=14, horizon=4, season=6)
    splits = splits_of(spec, level=0.0)
    assert "seasonal_growth" not in fitted(spec, splits).components
    with user_error("method-undefined", key="build.method", value="seasonal_growth"):
        fitted(spec, splits, method="seasonal_growth")


def test_smoothing_is_left_out_where_train_has_no_two_seasons():
    spec = example_spec(history=60, horizon=4, season=60)
    splits = splits_of(spec, rows=210)
    assert "window_smoothing" not in fitted(spec, splits).components
    with user_error("method-undefined", key="build.method", value="window_smoothing"):
        fitted(spec, splits, method="window_smoothing")
