"""Metrics of a classifier under many row weightings at once.

One implementation gives the point estimate and every bootstrap resample: each function takes
weights of shape (b, n) and returns arrays of shape (b,). A weight of 2 counts a row twice, 0 leaves
it out. All metrics agree with scikit-learn's `sample_weight`; the conventions are

- precision, recall, F1 and MCC are 0 where scikit-learn's default is 0 (division by zero);
- undefined values are NaN: `roc_auc` without both classes, `pr_auc` without a positive row,
  `false_positive_rate` without a negative row, every metric without any row;
- `macro_f1` averages the classes that occur, as targets or as predictions, in the weighted rows.

Shape suffixes: b weightings, n rows, k classes, t distinct thresholds.
"""

import numpy as np

from pipelines.config.errors import UserError

CHUNK_ELEMENTS = 1 << 20  # weightings x rows at a time: some ten float64 temporaries of 8 MB


def scores(
    probabilities: np.ndarray,
    predicted: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    positive: int | None = None,
) -> dict[str, np.ndarray]:
    """Every metric, each of shape (b,), of probabilities (n, k), predicted (n,) and targets (n,).

    Always: accuracy, mcc (of k classes: Gorodkin 2004), macro_f1, log_loss (natural logarithm).
    With a positive class, for that class against the rest, also: precision, recall (of spam:
    "spam caught" in Almeida et al. 2011), false_positive_rate ("ham blocked"), f1, roc_auc (ties
    count half) and pr_auc (average precision; equal scores are one threshold).

    Args:
        probabilities: (n, k).
        predicted: (n,) class ids; not necessarily the argmax, so a decision threshold counts.
        targets: (n,) class ids.
        weights: (b, n). Rows whose weights are all 0 are ignored, whatever they hold.
        positive: id of the class to detect, or None.

    Raises:
        ValueError: shapes or class ids that do not fit.
        UserError: `probabilities-not-finite`.
    """
    probabilities, predicted, targets = map(np.asarray, (probabilities, predicted, targets))
    _check(probabilities, predicted, targets, weights, positive)
    present = weights.any(axis=0)
    if not present.all():
        weights, probabilities = weights[:, present], probabilities[present]
        predicted, targets = predicted[present], targets[present]
    _check_finite(probabilities)
    step = max(1, CHUNK_ELEMENTS // max(1, len(targets)))
    parts = []
    for start in range(0, len(weights), step):
        chunk_bn = weights[start : start + step].astype(np.float64)
        parts.append(_scores(probabilities, predicted, targets, chunk_bn, positive))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _scores(probabilities, predicted, targets, weights_bn, positive) -> dict[str, np.ndarray]:
    classes = probabilities.shape[1]
    correct = predicted == targets
    hits_bk = _tally(weights_bn[:, correct], targets[correct], classes)
    actual_bk = _tally(weights_bn, targets, classes)
    guessed_bk = _tally(weights_bn, predicted, classes)
    total = actual_bk.sum(axis=1)
    losses = row_losses(probabilities, targets)
    # Below einsum, not @: BLAS rounds differently by shape and number of threads.
    metrics = {
        "accuracy": _ratio(hits_bk.sum(axis=1), total, np.nan),
        "mcc": _mcc(hits_bk, actual_bk, guessed_bk),
        "macro_f1": _macro_f1(hits_bk, actual_bk, guessed_bk),
        "log_loss": _ratio(np.einsum("bn,n->b", weights_bn, losses), total, np.nan),
    }
    if positive is not None:
        hits, actual, guessed = (x[:, positive] for x in (hits_bk, actual_bk, guessed_bk))
        metrics |= _positive_class(hits, actual, guessed, total)
        metrics |= areas(*curve(probabilities[:, positive], targets == positive, weights_bn)[1:])
    return {name: np.where(total > 0, values, np.nan) for name, values in metrics.items()}


def row_losses(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Cross-entropy of each row, shape (n,), in nats.

    Probabilities are clipped at the float64 epsilon whatever their dtype (36 nats at most), so that
    a float32 model and a float64 baseline are penalised alike. Rows are taken to sum to 1.
    """
    of_target = probabilities[np.arange(len(targets)), targets].astype(np.float64)
    epsilon = np.finfo(np.float64).eps
    return -np.log(np.clip(of_target, epsilon, 1 - epsilon))


def curve(
    scores: np.ndarray, is_positive: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds (t,), true positives (b, t) and false positives (b, t), in weighted rows.

    A row is positive from the threshold on; thresholds are the distinct scores, highest first.
    """
    order = np.argsort(-scores, kind="stable")
    thresholds = scores[order]
    last_of_tie = np.flatnonzero(np.diff(thresholds, append=np.nan))
    sorted_weights = weights[:, order].astype(np.float64, copy=False)
    positives_predicted = np.cumsum(sorted_weights, axis=1)[:, last_of_tie]
    hits = np.cumsum(sorted_weights * is_positive[order], axis=1)[:, last_of_tie]
    return thresholds[last_of_tie], hits, positives_predicted - hits


def areas(hits_bt: np.ndarray, alarms_bt: np.ndarray) -> dict[str, np.ndarray]:
    """Areas under the ROC and the precision-recall curve, (b,) each, of what `curve` returns."""
    new_hits = np.diff(hits_bt, axis=1, prepend=0)
    new_alarms = np.diff(alarms_bt, axis=1, prepend=0)
    positives, negatives = new_hits.sum(axis=1), new_alarms.sum(axis=1)
    # A tie adds a triangle to the ROC area: its pairs of positive and negative count half.
    roc_area = (new_alarms * (hits_bt - new_hits / 2)).sum(axis=1)
    precision = _ratio(hits_bt, hits_bt + alarms_bt, 0.0)
    return {
        "roc_auc": _ratio(roc_area, positives * negatives, np.nan),
        "pr_auc": _ratio((new_hits * precision).sum(axis=1), positives, np.nan),
    }


def _positive_class(hits, actual, guessed, total) -> dict[str, np.ndarray]:
    return {
        "precision": _ratio(hits, guessed, 0.0),
        "recall": _ratio(hits, actual, 0.0),
        "f1": _ratio(2 * hits, actual + guessed, 0.0),
        "false_positive_rate": _ratio(guessed - hits, total - actual, np.nan),
    }


def _mcc(hits_bk, actual_bk, guessed_bk) -> np.ndarray:
    total = actual_bk.sum(axis=1)
    covariance = hits_bk.sum(axis=1) * total - (actual_bk * guessed_bk).sum(axis=1)
    # Each from its total of rows: exactly 0 with a single class, whatever the rounding.
    spread_actual = total**2 - (actual_bk**2).sum(axis=1)
    spread_guessed = guessed_bk.sum(axis=1) ** 2 - (guessed_bk**2).sum(axis=1)
    return _ratio(covariance, np.sqrt(spread_actual * spread_guessed), 0.0)


def _macro_f1(hits_bk, actual_bk, guessed_bk) -> np.ndarray:
    seen_bk = actual_bk + guessed_bk
    f1_bk = _ratio(2 * hits_bk, seen_bk, 0.0)
    return _ratio(f1_bk.sum(axis=1), (seen_bk > 0).sum(axis=1), np.nan)


def _tally(weights_bn: np.ndarray, classes_n: np.ndarray, classes: int) -> np.ndarray:
    """Weight of each class under each weighting, (b, k): linear in rows, however many classes."""
    counts = [np.bincount(classes_n, weights=row, minlength=classes) for row in weights_bn]
    return np.array(counts, dtype=np.float64).reshape(len(weights_bn), classes)


def _ratio(above: np.ndarray, below: np.ndarray, empty: float) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(below), empty), where=below != 0)


def _check(probabilities, predicted, targets, weights, positive) -> None:
    shapes = [np.shape(x) for x in (probabilities, predicted, targets, weights)]
    rows, classes = (*shapes[0], 0, 0)[:2]
    fits = len(shapes[0]) == 2 and shapes[1] == shapes[2] == (rows,)
    if not fits or len(shapes[3]) != 2 or shapes[3][1] != rows or not shapes[3][0]:
        raise ValueError(f"scores: expected shapes (n, k), (n,), (n,), (b, n); got {shapes}")
    if predicted.dtype.kind not in "iu" or targets.dtype.kind not in "iu":
        raise ValueError(f"scores: class numbers of dtype {predicted.dtype}, {targets.dtype}")
    numbers = np.concatenate([predicted, targets, [0 if positive is None else positive]])
    if ((numbers < 0) | (numbers >= classes)).any():
        raise ValueError(f"scores: a class number outside 0..{classes - 1}")


def _check_finite(probabilities: np.ndarray) -> None:
    broken = int((~np.isfinite(probabilities)).any(axis=1).sum())
    if broken:
        raise UserError(
            "probabilities-not-finite",
            f"{broken:,} of {len(probabilities):,} rows have probabilities that are not finite; "
            "the model has diverged: lower fit.learning_rate or set fit.clip_norm",
            value=broken,
        )
