"""The texts written for this project: enough of each class, and each of them said only once."""

import csv
from pathlib import Path

import pytest

from pipelines.preprocessing import near_duplicates

SMS = Path(__file__).parents[2] / "pipelines/datasets/corpora/sms.csv"


@pytest.fixture(scope="module")
def rows():
    with SMS.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def test_columns_and_classes(rows):
    assert {tuple(row) for row in rows} == {("label", "text")}
    assert {row["label"] for row in rows} == {"ham", "spam"}


@pytest.mark.parametrize("label", ["ham", "spam"])
def test_enough_of_each_class(rows, label):
    assert sum(row["label"] == label for row in rows) >= 400


def test_texts_are_clean(rows):
    for number, row in enumerate(rows):
        assert row["text"] == row["text"].strip(), number
        assert row["text"] and row["text"].isprintable(), number


def test_no_copies(rows):
    prints = [near_duplicates.fingerprint(row["text"]) for row in rows]
    assert len(set(prints)) == len(prints)


def test_no_near_copies(rows):
    groups = near_duplicates.group_near_duplicates(
        [row["text"] for row in rows], min_similarity=0.5
    )
    assert len(set(groups.tolist())) == len(rows)
