"""Figures: same input, same bytes; and CSV files that hold the right numbers."""

import csv
import inspect
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from sklearn import metrics as sk

from pipelines.config.errors import UserError
from pipelines.figures import classification, style, training_curves
from pipelines.figures.errors import mistakes
from pipelines.figures.training_curves import training
from pipelines.spec import DataSpec, Target
from pipelines.tasks.text_classification import figures

LABELS = ["ham", "spam"]


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    targets = (rng.random(200) < 0.3).astype(int)
    spam = np.clip(np.round(0.6 * targets + 0.5 * rng.random(200), 2), 0, 1)
    return np.column_stack([1 - spam, spam]), (spam >= 0.4).astype(int), targets


def history(epochs, shift=0.0):
    return [
        {"epoch": e, "train/loss": 1 / e, "val/loss": (e - 4) ** 2 / 9 + shift, "lr": 0.1}
        for e in range(1, epochs + 1)
    ]


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def draw_all(case, folder):
    probabilities, predicted, targets = case
    classification.confusion(predicted, targets, LABELS, folder)
    classification.precision_recall(
        probabilities, predicted, targets, LABELS, 1, folder, threshold=0.4
    )
    classification.calibration(probabilities, targets, LABELS, folder, positive=1)
    training({"repeat0_seed1": history(6), "repeat0_seed2": history(8, 0.1)}, folder)
    mistakes({"text": ["a"] * 200}, *case, LABELS, folder)
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_same_input_same_bytes_whatever_the_settings(case, tmp_path):
    first = draw_all(case, tmp_path / "a")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        second = draw_all(case, tmp_path / "b")
    assert first == second and len(first) == 9
    pictures = [data for path, data in first.items() if path.suffix == ".png"]
    assert len(pictures) == 4
    assert all(x.startswith(b"\x89PNG") and b"Matplotlib" not in x for x in pictures)


@pytest.mark.parametrize("places", [{"line": 3}, {"file": "a.txt"}, {"file": "a", "line": 2}])
def test_mistakes_among_texts_name_their_place(case, tmp_path, places):
    probabilities, predicted, targets = case
    of = DataSpec({}, Target.class_id("label", 2), 2, ("text",), ("ham", "spam"), "spam")
    test = {name: [value] * 200 for name, value in places.items()}
    test |= {"label": targets, "text": ["a"] * 200, "seen": [False] * 200}
    decision = SimpleNamespace(threshold=0.4)
    outputs = SimpleNamespace(probabilities=probabilities, predicted=predicted)
    figures.draw(outputs, test, of, decision, tmp_path, None)
    rows = table(tmp_path / "mistakes.csv")
    assert rows
    for row in rows:
        assert {name: row[name] for name in places} == {n: str(v) for n, v in places.items()}
        assert "seen" not in row and row["text"] == "a"


def test_confusion_csv_has_a_row_per_example(case, tmp_path):
    _, predicted, targets = case
    classification.confusion(predicted, targets, LABELS, tmp_path)
    rows = table(tmp_path / "plots/confusion.csv")
    assert [LABELS.index(r["actual"]) for r in rows] == targets.tolist()
    assert [LABELS.index(r["predicted"]) for r in rows] == predicted.tolist()


def test_confusion_takes_odd_labels_and_many_classes(tmp_path):
    labels = ["$5 or $6", "_hidden", r"\frac{", "a\nb", *(f"class {i}" for i in range(30))]
    targets = np.arange(len(labels))
    classification.confusion(
        targets, targets, labels[:4] * 9, tmp_path
    )  # names twice: still a class each
    classification.confusion(targets, targets, labels, tmp_path)
    assert table(tmp_path / "plots/confusion.csv")[3]["actual"] == "a\nb"


def test_precision_recall_csv_is_scikit_learns_curve(case, tmp_path):
    probabilities, predicted, targets = case
    classification.precision_recall(probabilities, predicted, targets, LABELS, 1, tmp_path)
    rows = table(tmp_path / "plots/precision_recall.csv")
    precision, recall, thresholds = sk.precision_recall_curve(targets, probabilities[:, 1])
    found = np.array([[float(r[k]) for k in ("threshold", "recall", "precision")] for r in rows])
    wanted = np.column_stack([thresholds, recall[:-1], precision[:-1]])[::-1]
    assert found == pytest.approx(wanted, abs=1e-12)


def test_precision_recall_csv_is_thinned_with_its_ends(tmp_path):
    spam = np.random.default_rng(1).random(5000)
    p, targets = np.column_stack([1 - spam, spam]), np.arange(5000) % 2
    classification.precision_recall(p, targets, targets, LABELS, 1, tmp_path)
    rows = table(tmp_path / "plots/precision_recall.csv")
    assert len(rows) == classification.CURVE_POINTS
    assert float(rows[0]["threshold"]) == spam.max() and float(rows[-1]["threshold"]) == spam.min()


def test_precision_recall_needs_the_class(case, tmp_path):
    probabilities, predicted, targets = case
    with pytest.raises(UserError) as error:
        classification.precision_recall(probabilities, predicted, targets * 0, LABELS, 1, tmp_path)
    assert (error.value.code, error.value.value) == ("class-absent", "spam")


def test_calibration_by_hand(tmp_path):
    p = np.array([[0.95, 0.05], [0.85, 0.15], [0.1, 0.9], [0.0, 1.0]])
    classification.calibration(p, np.array([0, 1, 1, 0]), LABELS, tmp_path, bins=10)
    rows = [{k: float(v) for k, v in r.items()} for r in table(tmp_path / "plots/calibration.csv")]
    assert [(r["bin_from"], r["bin_to"], r["rows"]) for r in rows] == [(0.8, 0.9, 1), (0.9, 1, 3)]
    assert [r["predicted"] for r in rows] == pytest.approx([0.85, 2.85 / 3])
    assert [r["observed"] for r in rows] == pytest.approx([0, 2 / 3])
    # Wilson interval of 2 in 3, from the literature's formula worked out by hand
    assert rows[1]["observed_low"] == pytest.approx(0.2077, abs=1e-3)
    assert rows[1]["observed_high"] == pytest.approx(0.9385, abs=1e-3)
    _, error = classification.reliability(p.max(axis=1), np.array([1, 0, 1, 0]), 10)
    assert error == pytest.approx((1 * 0.85 + 3 * (2.85 / 3 - 2 / 3)) / 4)


def test_oracle_is_calibrated():
    assert classification.reliability(np.ones(5), np.ones(5), 10)[1] == 0


def test_training_csv_and_text_values(tmp_path):
    as_text = [{k: str(v) for k, v in row.items()} for row in history(3)]
    training({"a": as_text, "b": history(5)}, tmp_path)
    rows = table(tmp_path / "plots/training.csv")
    assert list(rows[0]) == ["trial", "epoch", "train/loss", "val/loss", "lr"]
    assert [(r["trial"], r["epoch"]) for r in rows[:4]] == [
        ("a", "1"), ("a", "2"), ("a", "3"), ("b", "1"),
    ]  # fmt: skip
    assert float(rows[3]["train/loss"]) == 1.0


def test_training_draws_gaps_one_epoch_and_divergence(tmp_path):
    nan = float("nan")
    odd = [
        [{"epoch": 1, "train/loss": nan, "val/loss": nan}],
        [{"epoch": 1, "train/loss": 1.0}],
        [{"epoch": 1, "train/loss": 1.0, "val/loss": ""}, {"epoch": 2, "val/loss": 2.0}],
        [{"epoch": 1}],
    ]
    for number, rows in enumerate(odd):
        training({"a": rows, "b": history(2)}, tmp_path / f"{number}")
        training({"a": rows}, tmp_path / f"{number}")
    with pytest.raises(ValueError, match="training"):
        training({}, tmp_path)


def test_the_best_epoch_is_the_one_that_training_keeps(monkeypatch, tmp_path):
    """The lowest validation loss; the first of ties; no option that says otherwise."""
    titles = []
    monkeypatch.setattr(training_curves, "_title", lambda best: titles.append(best) or "")
    rows = [{"epoch": e, "val/loss": loss} for e, loss in enumerate((3.0, 1.0, 1.0, 2.0), 1)]
    training({"a": rows, "b": [{"epoch": 1, "train/loss": 1.0}]}, tmp_path)
    assert titles == [[2, None]]
    assert list(inspect.signature(training).parameters) == ["histories", "folder", "trivial_loss"]


def test_mistakes_by_hand(tmp_path):
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.95, 0.05]])
    targets, predicted = np.array([0, 0, 0, 1]), p.argmax(axis=1)
    texts = ["fine", 'two\nlines,\twith "quotes"', "=1+1", "x" * 500]
    columns = {"text": texts, "size": np.array([1, 2, 3, 4])}
    rows = mistakes(columns, p, predicted, targets, LABELS, tmp_path, limit=2)
    assert [r["row"] for r in rows] == [3, 1]
    assert rows[1] == {
        "row": 1, "actual": "ham", "predicted": "spam", "confidence": 0.8, "of_actual": 0.2,
        "text": 'two lines, with "quotes"', "size": 2,
    }  # fmt: skip
    assert len(rows[0]["text"]) == 200 and rows[0]["text"].endswith("…")
    written = table(tmp_path / "mistakes.csv")
    assert written == [{k: str(v) for k, v in r.items()} for r in rows]


def test_no_mistakes_is_a_header(tmp_path):
    targets = np.array([0, 1])
    assert mistakes({}, np.eye(2), targets, targets, LABELS, tmp_path) == []
    wanted = "row,actual,predicted,confidence,of_actual\n"
    assert (tmp_path / "mistakes.csv").read_text() == wanted
    with pytest.raises(ValueError, match="column 'text'"):
        mistakes({"text": ["one"]}, np.eye(2), targets, targets, LABELS, tmp_path)


def test_cut():
    assert style.cut("short", 10) == "short"
    assert style.cut("one two three", 9) == "one two…"
    assert style.cut("tab\tand\x00nul", 20) == "tab and nul"
    assert len(style.cut("春" * 50, 10)) == 10
