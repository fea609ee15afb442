"""Metrics and intervals against scikit-learn, by hand, and by what must not matter."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from pipelines.config.errors import UserError
from pipelines.evaluation import classification
from pipelines.evaluation.bootstrap import summary, weights
from pipelines.evaluation.classification import scores

ONE_CLASS = {"roc_auc", "pr_auc", "false_positive_rate"}


def case(seed: int, rows: int, classes: int, decimals: int = 2):
    """Random probabilities (rounded, so with many ties), decisions, targets and weights."""
    rng = np.random.default_rng(seed)
    probabilities = np.round(rng.dirichlet(np.ones(classes), rows), decimals)
    targets = rng.integers(classes, size=rows)
    predicted = np.where(rng.random(rows) < 0.6, targets, rng.integers(classes, size=rows))
    return probabilities, predicted, targets, rng.integers(0, 4, (3, rows))


def reference(probabilities, predicted, targets, weight, positive):
    """scikit-learn's values, of the rows with a weight only."""
    here = weight > 0
    p, guess, true, w = probabilities[here], predicted[here], targets[here], weight[here]
    by = {"sample_weight": w}
    wanted = {
        "accuracy": sk.accuracy_score(true, guess, **by),
        "mcc": sk.matthews_corrcoef(true, guess, **by),
        "macro_f1": sk.f1_score(true, guess, average="macro", zero_division=0, **by),
        "log_loss": sk.log_loss(true, p, labels=range(p.shape[1]), **by),
    }
    if positive is None:
        return wanted
    true, guess, score = true == positive, guess == positive, p[:, positive]
    recall = sk.recall_score(true, guess, zero_division=0, **by)
    false_alarms = 1 - sk.recall_score(~true, ~guess, zero_division=0, **by)
    both = 0 < true.sum() < len(true)
    return wanted | {
        "precision": sk.precision_score(true, guess, zero_division=0, **by),
        "recall": recall,
        "f1": sk.f1_score(true, guess, zero_division=0, **by),
        "roc_auc": sk.roc_auc_score(true, score, **by) if both else np.nan,
        "pr_auc": sk.average_precision_score(true, score, **by) if true.any() else np.nan,
        "false_positive_rate": false_alarms if not true.all() else np.nan,
    }


@pytest.mark.filterwarnings("ignore:The y_prob values do not sum to one")
@pytest.mark.parametrize("decimals", [1, 2, 12])
@pytest.mark.parametrize("rows, classes, positive", [(60, 2, 1), (7, 2, 0), (200, 5, None)])
@pytest.mark.parametrize("seed", range(5))
def test_equal_to_scikit_learn(rows, classes, positive, decimals, seed):
    *arrays, many = case(seed, rows, classes, decimals)
    found = scores(*arrays, many * 0.7, positive)
    for place, weight in enumerate(many):
        wanted = reference(*arrays, weight * 0.7, positive)
        assert wanted.keys() == found.keys()
        for name, value in wanted.items():
            assert found[name][place] == pytest.approx(value, abs=1e-12, nan_ok=True), name


def test_certain_and_wrong_is_clipped_as_scikit_learn_does():
    p, targets = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1, 1])
    found = scores(p, targets, targets, np.ones((1, 2)))["log_loss"][0]
    assert found == pytest.approx(sk.log_loss(targets, p, labels=[0, 1]), abs=1e-12)
    # in float32 too, where scikit-learn would clip elsewhere: models and baselines alike
    assert scores(p.astype("float32"), targets, targets, np.ones((1, 2)))["log_loss"][0] == found


@pytest.mark.filterwarnings("ignore:A single label was found")
@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("guess", [0, 1])
def test_single_class(target, guess):
    p = np.array([[0.4, 0.6], [0.4, 0.6], [0.9, 0.1]])
    targets, predicted, ones = np.full(3, target), np.full(3, guess), np.ones((1, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        found = scores(p, predicted, targets, ones, 1)
    for name, value in reference(p, predicted, targets, ones[0], 1).items():
        assert found[name][0] == pytest.approx(value, abs=1e-12, nan_ok=True), name
    undefined = {name for name, value in found.items() if np.isnan(value[0])}
    assert undefined == (
        {"roc_auc", "false_positive_rate"} if target else ONE_CLASS - {"false_positive_rate"}
    )


@pytest.mark.parametrize("classes", [2, 4])
def test_mcc_of_one_class_is_zero_under_rounded_weights(classes):
    p, _, targets, _ = case(3, 101, classes)
    many = np.random.default_rng(0).random((200, 101))
    assert (scores(p, targets * 0 + 1, targets, many)["mcc"] == 0).all()
    assert (scores(p, targets, targets * 0 + 1, many)["mcc"] == 0).all()


def test_four_rows_by_hand():
    spam = np.array([0.9, 0.6, 0.6, 0.2])
    targets, predicted = np.array([1, 0, 1, 0]), np.array([1, 1, 1, 0])
    found = scores(np.column_stack([1 - spam, spam]), predicted, targets, np.ones((1, 4)), 1)
    wanted = {
        "accuracy": 3 / 4,
        "mcc": (2 * 1 - 1 * 0) / np.sqrt(3 * 2 * 2 * 1),
        "macro_f1": (4 / 5 + 2 / 3) / 2,
        "log_loss": -np.log(0.9 * 0.4 * 0.6 * 0.8) / 4,
        "precision": 2 / 3,
        "recall": 1.0,
        "f1": 4 / 5,
        "roc_auc": 3.5 / 4,  # of four pairs three are in order and one is a tie
        "pr_auc": 1 / 2 * 1 + 1 / 2 * 2 / 3,  # the tie is one threshold
        "false_positive_rate": 0.5,
    }
    assert {k: v[0] for k, v in found.items()} == pytest.approx(wanted, abs=1e-12)


def test_perfect_oracle_in_every_resample():
    targets = np.arange(40) % 2
    found = scores(np.eye(2)[targets], targets, targets, weights(40, 50, seed=0), 1)
    for name in ("accuracy", "mcc", "macro_f1", "precision", "recall", "f1", "roc_auc", "pr_auc"):
        assert (found[name] == 1.0).all(), name
    assert (found["false_positive_rate"] == 0).all()
    assert found["log_loss"] == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("classes, positive", [(2, 1), (6, None)])
def test_row_order_and_chunks_do_not_matter(classes, positive, monkeypatch):
    *arrays, _ = case(4, 300, classes)
    many = weights(300, 40, seed=2)
    found = scores(*arrays, many, positive)
    order = np.random.default_rng(0).permutation(300)
    shuffled = scores(*(x[order] for x in arrays), many[:, order], positive)
    monkeypatch.setattr(classification, "CHUNK_ELEMENTS", 1000)
    chunked = scores(*arrays, many, positive)
    alone = scores(*arrays, many[:1], positive)
    for name, values in found.items():
        assert values.shape == (41,)
        assert shuffled[name] == pytest.approx(values, abs=1e-12, nan_ok=True), name
        assert np.array_equal(chunked[name], values) and alone[name][0] == values[0], name


def test_weight_zero_is_absent_and_two_is_twice():
    p, predicted, targets, many = case(7, 90, 3)
    few = many[:1].copy()
    few[0, targets == 2] = 0  # a class that goes away leaves the macro average
    p[targets == 2] = np.nan  # and rows that are not there may hold anything
    repeated = np.repeat(np.arange(90), few[0])
    found = scores(p, predicted, targets, few, 1)
    p, predicted, targets = p[repeated], predicted[repeated], targets[repeated]
    wanted = scores(p, predicted, targets, np.ones((1, len(repeated))), 1)
    for name in wanted:
        assert found[name] == pytest.approx(wanted[name], abs=1e-12), name


def test_nothing_left_is_nan():
    *arrays, many = case(0, 20, 2)
    many[1] = 0
    assert all(np.isnan(values[1]) for values in scores(*arrays, many, 1).values())
    nothing = scores(*arrays, np.zeros((2, 20)), 1)
    assert all(np.isnan(values).all() and values.shape == (2,) for values in nothing.values())


def test_refusals():
    p, predicted, targets, many = case(0, 20, 2)
    for wrong in (
        (p[:, 0], predicted, targets, many),
        (p, predicted[:5], targets, many),
        (p, predicted, targets, many[0]),
        (p, predicted + 1, targets, many),
        (p, predicted * 1.0, targets, many),
        (p, predicted, targets, many, 2),
    ):
        with pytest.raises(ValueError, match="scores: "):
            scores(*wrong)
    p[3, 1], many[0, 3] = np.nan, 1
    with pytest.raises(UserError) as error:
        scores(p, predicted, targets, many)
    assert (error.value.code, error.value.value) == ("probabilities-not-finite", 1)


def test_weights_are_resamples():
    drawn = weights(50, 200, seed=3)
    assert drawn.shape == (201, 50) and drawn.dtype == np.uint8
    assert (drawn[0] == 1).all() and (drawn.sum(axis=1) == 50).all()
    assert np.array_equal(drawn, weights(50, 200, seed=3))
    assert np.array_equal(drawn[:11], weights(50, 10, seed=3))
    assert not np.array_equal(drawn, weights(50, 200, seed=4))
    # counts are Binomial(50, 1/50): variance 0.98
    assert drawn[1:].var() == pytest.approx(0.98, abs=0.03)
    assert weights(1, seed=0).shape == (1001, 1)


def test_interval_is_close_to_the_normal_approximation():
    rows, right = 2000, 1700
    targets = np.zeros(rows, dtype=int)
    predicted = (np.arange(rows) >= right).astype(int)
    found = scores(np.full((rows, 2), 0.5), predicted, targets, weights(rows, 2000, seed=5))
    point, low, high = summary(found["accuracy"])
    half = 1.959964 * np.sqrt(0.85 * 0.15 / rows)
    assert point == 0.85
    assert (low, high) == pytest.approx((0.85 - half, 0.85 + half), abs=0.1 * half)


def test_intervals_cover_the_truth():
    rng, covered, trials, rows = np.random.default_rng(1), 0, 300, 150
    drawn = weights(rows, 300, seed=6) / rows
    for _ in range(trials):
        _, low, high = summary(drawn @ (rng.random(rows) < 0.8))
        covered += low <= 0.8 <= high
    assert 0.90 <= covered / trials <= 0.98


def test_paired_difference_is_narrower_than_unpaired():
    p, predicted, targets, _ = case(2, 400, 2)
    baseline = predicted.copy()
    baseline[:20] = 1 - targets[:20]  # the same, but for twenty rows
    drawn, other = weights(400, seed=1), weights(400, seed=2)
    model = scores(p, predicted, targets, drawn)["accuracy"]
    paired = model - scores(p, baseline, targets, drawn)["accuracy"]
    unpaired = model - scores(p, baseline, targets, other)["accuracy"]
    assert np.std(paired[1:]) < 0.5 * np.std(unpaired[1:])
    assert summary(paired)[0] == summary(unpaired)[0]


def test_summary_leaves_out_undefined_resamples():
    values = np.array([0.5, np.nan, *np.linspace(0, 1, 101), np.nan])
    assert summary(values) == pytest.approx((0.5, 0.025, 0.975))
    assert np.isnan(summary(np.array([0.5]))[1:]).all()
    assert np.isnan(summary(np.array([0.5, np.nan]))[1:]).all()
    with pytest.raises(ValueError, match="summary"):
        summary(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="weights"):
        weights(0, seed=1)
