"""Calibration and thresholds, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from pipelines.inference.decision import DecisionRule, fit_decision_rule, log_odds, platt, sigmoid

TARGETS = np.array([0, 1, 1, 0])
LOGITS = np.array([[2.0, -1.0], [0.5, 0.7], [-3.0, 4.0], [0.2, 0.1]])


def reference(odds, positives) -> tuple[float, float]:
    """scikit-learn takes no soft targets: every row is there twice, weighted by its target."""
    count, rest = positives.sum(), (~positives).sum()
    smoothed = np.where(positives, (count + 1) / (count + 2), 1 / (rest + 2))
    classifier = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    classifier.fit(
        np.concatenate([odds, odds])[:, None],
        np.repeat([1, 0], len(odds)),
        sample_weight=np.concatenate([smoothed, 1 - smoothed]),
    )
    return float(classifier.coef_[0, 0]), float(classifier.intercept_[0])


@pytest.mark.parametrize("seed", range(6))
def test_platt_is_the_logistic_regression_of_the_smoothed_targets(seed):
    rng = np.random.default_rng(seed)
    positives = rng.random(200) < (0.1, 0.5, 0.9)[seed % 3]
    odds = rng.normal(3 * positives - 1, 2) * (0.1, 5)[seed % 2]
    np.testing.assert_allclose(platt(odds, positives), reference(odds, positives), atol=1e-6)


def test_platt_on_separable_rows_is_finite_and_the_same():
    odds = np.array([-3.0, -2.5, -2.0, 1.0, 2.0, 4.0])
    positives = odds > 0
    slope, intercept = platt(odds, positives)
    np.testing.assert_allclose((slope, intercept), reference(odds, positives), atol=1e-6)
    assert 0 < slope < 10


def test_the_mean_probability_is_the_mean_of_the_smoothed_targets():
    """What makes it calibrated: 3 of 10 rows are positive, smoothed 3*4/5 + 7*1/9."""
    rng = np.random.default_rng(1)
    positives = np.arange(10) < 3
    odds = rng.normal(size=10) + positives
    slope, intercept = platt(odds, positives)
    assert sigmoid(slope * odds + intercept).sum() == pytest.approx(3 * 4 / 5 + 7 / 9, abs=1e-9)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4, 1e8])
def test_logits_of_any_size_give_finite_numbers(scale):
    rng = np.random.default_rng(2)
    targets = rng.integers(0, 2, 100)
    signs = np.where(rng.random(100) < 0.9, 2 * targets - 1, 1 - 2 * targets)
    logits = np.stack([-signs, signs], axis=1) * scale * rng.uniform(0.5, 1, (100, 1))
    rule = fit_decision_rule(logits, targets, positive=1)
    assert np.isfinite([rule.slope, rule.intercept]).all()
    assert rule.slope > 0
    result = rule.probabilities(logits)
    assert np.isfinite(result).all()
    assert (rule(result) == targets).mean() > 0.8
    unscaled = fit_decision_rule(logits / scale, targets, positive=1)
    assert rule.slope * scale == pytest.approx(unscaled.slope, rel=1e-4)
    assert rule.intercept == pytest.approx(unscaled.intercept, abs=1e-4)


@pytest.mark.parametrize("level", [0.0, 2.5, -1e4])
def test_a_model_that_says_the_same_of_every_row_gets_the_share_of_positives(level):
    """No slope can be told then; what counts is that the probability is right and finite."""
    targets = np.arange(20) % 4 == 0
    logits = np.tile([0.0, level], (20, 1))
    rule = fit_decision_rule(logits, targets.astype(int), positive=1)
    expected = (5 * 6 / 7 + 15 / 17) / 20
    np.testing.assert_allclose(rule.probabilities(logits)[:, 1], expected, atol=1e-6)


def test_rounding_does_not_decide_where_all_rows_are_alike():
    """Of as many positives as negatives, each row has the probability of the threshold: 1/2."""
    rng, targets = np.random.default_rng(3), np.arange(20) % 2
    noise = rng.uniform(-5e-8, 5e-8, (20, 2))  # of float32
    rule = fit_decision_rule(np.array([0.3, -0.2]) + noise, targets, positive=1)
    probabilities = rule.probabilities(np.array([0.3, -0.2]) - noise)
    np.testing.assert_allclose(probabilities, 0.5, atol=1e-9)
    assert len(set(rule(probabilities).tolist())) == 1
    assert rule(probabilities - 1e-9).tolist() == rule(probabilities + 1e-9).tolist() == [1] * 20


@pytest.mark.parametrize("extreme", [1e4, -1e4, 3e38])
@pytest.mark.parametrize("positive", [None, 0, 1])
def test_extreme_logits_give_probabilities_not_nan(positive, extreme):
    with np.errstate(over="raise", invalid="raise"):
        result = DecisionRule(positive).probabilities(np.array([[0.0, extreme]], np.float32))
    expected = [0.0, 1.0] if extreme > 0 else [1.0, 0.0]
    np.testing.assert_array_equal(result, [expected])


@pytest.mark.parametrize(("cost", "threshold"), [(1, 0.5), (9, 0.9), (0.25, 0.2)])
def test_a_false_alarm_that_costs_more_asks_for_more_certainty(cost, threshold):
    assert fit_decision_rule(LOGITS, TARGETS, 1, cost).threshold == pytest.approx(
        threshold, abs=1e-15
    )
    assert fit_decision_rule(LOGITS, TARGETS, 1).threshold == 0.5


def test_from_the_threshold_on_the_positive_class_is_predicted():
    probabilities = np.array([[0.11, 0.89], [0.1, 0.9], [0.0, 1.0]])
    assert DecisionRule(1, threshold=0.9)(probabilities).tolist() == [0, 1, 1]
    assert DecisionRule(0, threshold=0.9)(probabilities[:, ::-1]).tolist() == [1, 0, 0]
    assert DecisionRule(1)(probabilities).tolist() == [1, 1, 1]


def test_the_threshold_from_the_costs_costs_least_where_probabilities_are_true():
    """100,000 rows drawn from their own probabilities: no other threshold is cheaper."""
    rng = np.random.default_rng(5)
    result = rng.random(100_000)
    positives = rng.random(100_000) < result
    cost = 4.0

    def total(threshold):
        predicted = result >= threshold
        return (positives & ~predicted).sum() + cost * (~positives & predicted).sum()

    cheapest = min(np.linspace(0.05, 0.95, 91), key=total)
    assert fit_decision_rule(LOGITS, TARGETS, 1, cost).threshold == pytest.approx(
        cheapest, abs=0.03
    )


def test_by_hand_with_a_positive_class():
    rule = DecisionRule(1, slope=2.0, intercept=-1.0, threshold=0.6)
    result = rule.probabilities(np.array([[1.0, 2.0], [0.0, 0.5]]))
    expected = 1 / (1 + np.exp(-np.array([2 * 1.0 - 1, 2 * 0.5 - 1])))
    np.testing.assert_allclose(result, np.stack([1 - expected, expected], axis=1), atol=1e-15)
    assert rule(result).tolist() == [1, 0]
    assert rule(result).dtype == np.int32
    mirrored = DecisionRule(0, slope=2.0, intercept=-1.0, threshold=0.6)
    np.testing.assert_array_equal(
        mirrored.probabilities(np.array([[2.0, 1.0], [0.5, 0.0]])), result[:, ::-1]
    )


@pytest.mark.parametrize("positive", [0, 1])
def test_naming_the_classes_the_other_way_round_changes_nothing(positive):
    rng = np.random.default_rng(3)
    logits, targets = rng.normal(size=(50, 2)), rng.integers(0, 2, 50)
    rule = fit_decision_rule(logits, targets, positive, 3.0)
    mirrored = fit_decision_rule(logits[:, ::-1], 1 - targets, 1 - positive, 3.0)
    assert (mirrored.slope, mirrored.intercept) == pytest.approx((rule.slope, rule.intercept))
    np.testing.assert_allclose(
        mirrored.probabilities(logits[:, ::-1])[:, ::-1], rule.probabilities(logits), atol=1e-12
    )


def test_without_a_positive_class_it_is_the_softmax_and_its_largest():
    rule = fit_decision_rule(LOGITS, TARGETS, None, 7.0)
    assert rule == DecisionRule()
    logits = np.log(np.array([[1.0, 2.0, 7.0], [5.0, 4.0, 1.0]]))
    result = rule.probabilities(logits)
    np.testing.assert_allclose(result, [[0.1, 0.2, 0.7], [0.5, 0.4, 0.1]], atol=1e-15)
    assert rule(result).tolist() == [2, 0]
    assert rule(result).dtype == np.int32


@pytest.mark.parametrize(
    "rule", [DecisionRule(), DecisionRule(0, 1.7, -0.4, 0.8), DecisionRule(1, -0.3, 2.0)]
)
def test_probabilities_sum_to_1_and_only_differences_of_logits_count(rule):
    logits = np.random.default_rng(4).normal(size=(40, 2)) * 20
    result = rule.probabilities(logits)
    assert result.shape == (40, 2)
    assert result.dtype == np.float64
    assert (result >= 0).all()
    np.testing.assert_allclose(result.sum(axis=1), 1, atol=1e-12)
    shifts = np.random.default_rng(5).normal(size=(40, 1)) * 100
    np.testing.assert_allclose(rule.probabilities(logits + shifts), result, atol=1e-10)


def test_fitting_does_not_see_a_shift_either():
    shifted = fit_decision_rule(LOGITS + 1234.0, TARGETS, 1)
    rule = fit_decision_rule(LOGITS, TARGETS, 1)
    assert (shifted.slope, shifted.intercept) == pytest.approx((rule.slope, rule.intercept))


@pytest.mark.parametrize(
    "rule",
    [
        DecisionRule(),
        DecisionRule(0, 0.1 + 0.2, -1 / 3, 0.9),
        fit_decision_rule(LOGITS, TARGETS, 1, 9),
    ],
)
def test_what_is_saved_is_what_is_loaded(tmp_path, rule):
    rule.save(tmp_path / "decision.json")
    assert DecisionRule.load(tmp_path / "decision.json") == rule


def test_log_odds_and_sigmoid():
    np.testing.assert_array_equal(log_odds(LOGITS[:2], 1), [-3.0, LOGITS[1, 1] - LOGITS[1, 0]])
    np.testing.assert_array_equal(log_odds(LOGITS, 0), -log_odds(LOGITS, 1))
    values = np.linspace(-30, 30, 13)
    np.testing.assert_allclose(sigmoid(values), 1 / (1 + np.exp(-values)), atol=1e-15)
