"""MiniRocket's convolutions, dilations and shares, and the ridge path beside scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from models.classical.signal_classifiers import signal_classifier
from pipelines.classical import ridge_classifier
from pipelines.classical.minirocket import KERNELS, MiniRocket, dilations_of
from pipelines.config.errors import UserError
from pipelines.tasks.signal_classification.example import example_spec


def series(rows=6, steps=40, columns=3, seed=1):
    return np.random.default_rng(seed).normal(size=(rows, steps, columns)).cumsum(axis=1)


def test_there_are_84_kernels_whose_weights_sum_to_zero():
    assert len(KERNELS) == 84
    rocket = MiniRocket.fit(series(columns=1), 200, 1)
    weights = rocket.matrix(0)
    assert (weights.sum(axis=0) == 0).all()
    assert ((weights == 2).sum(axis=0) == 3).all() and ((weights == -1).sum(axis=0) == 6).all()


@pytest.mark.parametrize(("steps", "features"), [(9, 10_000), (40, 500), (128, 10_000)])
def test_dilations_reach_over_the_series_and_all_features_are_used(steps, features):
    dilations, counts = dilations_of(steps, features)
    assert dilations[0] == 1 and 8 * dilations[-1] <= steps - 1
    assert counts.min() >= 1 and counts.sum() == max(1, features // 84)


def test_the_papers_ten_thousand_features_of_128_steps():
    """By the paper's code: 9,996 features; every whole dilation from 1 to 15."""
    dilations, counts = dilations_of(128, 10_000)
    assert dilations.tolist() == list(range(1, 16)) and counts.sum() * 84 == 9996


def test_shares_are_those_of_a_plain_convolution():
    values = series()
    rocket = MiniRocket.fit(values, 400, 3)
    shares, rounded = rocket(values), rocket.rounded(values)
    at = 0
    for number, (dilation, count) in enumerate(zip(rocket.dilations, rocket.counts, strict=True)):
        for kernel, chosen in enumerate(KERNELS):
            weights = np.full(9, -1.0)
            weights[chosen] = 2
            summed = rounded[..., rocket.columns[number, kernel]].sum(axis=2)
            padded = np.pad(summed, [(0, 0), (4 * dilation, 4 * dilation)])
            steps = values.shape[1]
            output = sum(w * padded[:, k * dilation : k * dilation + steps]
                         for k, w in enumerate(weights))  # fmt: skip
            if (number + kernel) % 2:
                output = output[:, 4 * dilation : steps - 4 * dilation]
            for bias in rocket.biases_of(number)[kernel]:
                np.testing.assert_array_equal(shares[:, at], (output > bias).mean(axis=1))
                at += 1
        assert count == rocket.biases_of(number).shape[1]
    assert at == shares.shape[1] == 84 * (400 // 84)
    assert 0.2 < shares.mean() < 0.8


def test_one_seed_gives_one_transform_and_a_short_window_is_refused():
    values = series()
    first, second = (MiniRocket.fit(values, 400, 3)(values) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    spec = example_spec(8)
    rows = {"signal": values[:, :8, :2].astype(np.float32), "label": np.arange(6) % 3}
    with pytest.raises(UserError) as refused:
        signal_classifier(spec, method="minirocket").fit(rows, rows, 1)
    assert refused.value.code == "window-too-short"


def test_the_ridge_path_is_scikit_learns():
    rng = np.random.default_rng(1)
    features, targets = rng.random((30, 50)), np.arange(30) % 3
    features[:, 4] = 0.5  # says nothing
    z = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
    indicators = np.where(targets[:, None] == np.arange(3), 1.0, -1.0)
    for penalty, fitted in ridge_classifier.path(features, targets, 3, (0.1, 10.0)):
        expected = Ridge(penalty).fit(z, indicators).predict(z)
        np.testing.assert_allclose(fitted(features)[0], expected, atol=1e-8)
