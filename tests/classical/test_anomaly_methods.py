"""Classical detectors: robust fits, selection, the left matrix profile."""

import numpy as np
import pytest

import models
from pipelines.classical.anomaly import residuals
from pipelines.classical.anomaly.matrix_profile import left_profile
from pipelines.classical.anomaly.residuals import Whitening, threshold_of
from pipelines.tasks.anomaly_detection.example import example_spec


def naive_left_profile(values, length):
    """The definition, window by window."""
    n, profile = len(values), np.zeros(len(values))
    for i in range(n - length + 1):
        best = np.inf
        for j in range(i - max(1, length // 2) + 1):
            distances = []
            for a, b in zip(values[i : i + length].T, values[j : j + length].T, strict=True):
                flat = [x.std() < 1e-9 for x in (a, b)]
                if any(flat):
                    distances.append(0.0 if all(flat) else np.sqrt(length))
                else:
                    a, b = ((x - x.mean()) / x.std() for x in (a, b))
                    distances.append(np.linalg.norm(a - b))
            best = min(best, np.mean(distances))
        if np.isfinite(best):
            profile[i + length - 1] = best
    return profile


def test_the_left_profile_is_the_definition_constant_stretches_too():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(60, 2))
    values[20:34, 0] = 3.0
    values[45:53] = 1.0
    np.testing.assert_allclose(left_profile(values, 6), naive_left_profile(values, 6), atol=1e-6)


def test_the_left_profile_of_a_prefix_is_the_prefix():
    values = np.random.default_rng(1).normal(size=(120, 1)).cumsum(axis=0)
    prefix = left_profile(values[:70], 8)
    np.testing.assert_allclose(left_profile(values, 8)[:70], prefix, atol=1e-6)
    assert (left_profile(values[:5], 8) == 0).all()


def test_whitened_normal_residuals_average_one_and_shares_add_up():
    rng = np.random.default_rng(1)
    mixing = np.array([[2.0, 0.0], [1.5, 0.3]])
    normal = rng.normal(size=(20_000, 2)) @ mixing.T + [5, -3]
    shares = Whitening.of(normal)(normal)
    assert shares.sum(axis=1).mean() == pytest.approx(1, abs=0.12)  # trimmed by 2 %
    covariance = np.cov(normal.T)
    centred = normal - normal.mean(axis=0)
    mahalanobis = np.einsum("nc,cd,nd->n", centred, np.linalg.inv(covariance), centred) / 2
    assert np.corrcoef(shares.sum(axis=1), mahalanobis)[0, 1] > 0.99


def test_wild_residuals_do_not_move_the_whitening():
    rng = np.random.default_rng(1)
    normal = rng.normal(size=(1000, 3))
    wild = normal.copy()
    wild[:5] = 1e6
    clean, moved = Whitening.of(normal), Whitening.of(wild)
    np.testing.assert_allclose(moved.matrix, clean.matrix, rtol=0.1, atol=0.1)


def test_a_constant_residual_is_whitened_without_division_by_zero():
    flat = np.concatenate([np.zeros((50, 1)), np.random.default_rng(1).normal(size=(50, 1))], 1)
    assert np.isfinite(Whitening.of(flat)(flat + 1)).all()


def test_the_threshold_leaves_so_many_above():
    scores = np.arange(10_000.0)
    assert (scores > threshold_of(scores, 1.0)).sum() == 10
    assert threshold_of(scores, 1.0, margin=2.0) == 2 * threshold_of(scores, 1.0)


def test_wild_and_labelled_windows_are_not_learned_from():
    history, labels = np.zeros((4, 3, 1)), np.zeros((4, 3), bool)
    history[1, 2], labels[2, 0] = 1e5, True
    assert residuals.usable(history, labels, [0.0], [1.0]).tolist() == [True, False, False, True]


def data(rows=300, seed=1, constant=False, events=()):
    rng = np.random.default_rng(seed)
    series = 10 + 2 * rng.normal(size=(rows + 11, 2))
    if constant:
        series[:, 1] = 7.0
    label = np.zeros((rows + 11, 1))
    for begin in events:
        series[begin : begin + 6, 0] += 25
        label[begin : begin + 6] = 1
    steps = np.concatenate([series, label], axis=1).astype(np.float32)
    windows = np.moveaxis(np.lib.stride_tricks.sliding_window_view(steps, 12, axis=0), -1, 1)
    return {"history": windows[..., :-1], "steps": windows}


def detector(train, val, spec=None, **arguments):
    spec = spec or example_spec(history=12, columns=2)
    estimator = models.build(spec, "classical/detectors", builder="detector", **arguments)
    estimator.fit(train, val, 1)
    return estimator


def test_the_best_on_val_is_taken_and_pca_without_events():
    assert detector(data(), data(seed=2)).best.name == "pca"
    chosen = detector(data(), data(seed=2, events=(50, 120, 200)))
    areas = {name: part.selection.value for name, part in chosen.components.items()}
    assert areas[chosen.best.name] == max(areas.values()) > 0.5


@pytest.mark.parametrize("method", ["difference", "windowed_gaussian", "autoregression", "pca"])
def test_a_column_that_is_constant_in_train_and_then_steps_is_an_alarm(method):
    fitted = detector(data(constant=True), data(seed=2, constant=True), method=method)
    after = data(seed=3, constant=True)["history"].copy()
    quiet = fitted.predict({"history": after})
    assert np.isfinite(quiet["score"]).all() and quiet["anomaly"].mean() < 0.1
    after[:, -1, 1] = 8.0
    assert fitted.predict({"history": after})["anomaly"].mean() > 0.9


@pytest.mark.parametrize("method", ["difference", "autoregression", "pca"])
def test_one_wild_reading_in_train_changes_little(method):
    train, wild = data(), data()
    wild["history"] = wild["history"].copy()
    wild["history"][100, 4, 0] = 1e6
    thresholds = [detector(t, data(seed=2), method=method).best.threshold for t in (train, wild)]
    assert thresholds[1] == pytest.approx(thresholds[0], rel=0.05)
