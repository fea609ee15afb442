"""The data report: each kind of trouble is found, with its number and its place."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipelines.preparation.data_report import columns, findings, images, languages, pairs
from pipelines.preparation.data_report import labels as labels_report
from pipelines.preparation.data_report import series as series_report
from pipelines.preparation.data_report import texts as texts_report


def by_code(report) -> dict[str, findings.Finding]:
    return {finding.code: finding for finding in report}


def places(count: int) -> list[str]:
    return [f"line {row + 2}" for row in range(count)]


def plain_texts(count: int) -> list[str]:
    """Texts that share no word."""
    return [f"alpha{row} beta{chr(97 + row)} gamma{row}{chr(98 + row)}" for row in range(count)]


def encoded(colour=(10, 20, 30), size=(32, 24), mode="RGB", kind="PNG", noise=None) -> bytes:
    stream = io.BytesIO()
    image = Image.new(mode, size, colour)
    if noise is not None:
        pixels = np.random.default_rng(noise).integers(0, 255, (size[1], size[0], 3), np.uint8)
        image = Image.fromarray(pixels).convert(mode)
    image.save(stream, kind)
    return stream.getvalue()


def test_clean_texts_have_nothing_but_numbers():
    texts = plain_texts(24)
    labels = ["good", "bad"] * 12
    report = texts_report.report(texts, labels, places(24))
    assert {finding.severity for finding in report} == {"info"}
    assert by_code(report)["rows"].count == 24
    assert by_code(report)["classes"].count == 2


def test_copies_near_copies_and_conflicts_have_their_lines():
    texts = [
        "one two three four five six seven eight",
        "One two  three four five six seven eight",
        "one two three four five six seven nine",
        "entirely different words are here",
    ]
    report = by_code(texts_report.report(texts, ["a", "b", "a", "b"], places(4)))
    assert report["duplicates"].count == 1
    assert report["duplicates"].examples[0].startswith("line 3 = line 2")
    assert report["near-duplicates"].count == 1
    assert report["label-conflict"].severity == "error"
    assert report["label-conflict"].count == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "text-empty"),
        ("NULL", "text-missing"),
        ("Das wÃ¤re schÃ¶n", "encoding-damage"),
        ("donâ€™t", "encoding-damage"),
        ("a<br />b &amp; c", "markup"),
        ("bell \x07", "control-characters"),
        ("это другой язык", "scripts-mixed"),
    ],
)
def test_damage_of_texts(text, code):
    texts = [*plain_texts(12), text]
    report = by_code(texts_report.contents(texts, places(13)))
    assert report[code].count == 1
    assert report[code].examples[0].startswith("line 14")


def test_accents_are_no_damage():
    report = by_code(texts_report.contents(["Ärger, déjà vu, São Paulo, Ångström"], places(1)))
    assert "encoding-damage" not in report


def test_languages_of_texts():
    assert languages.language("this is what they have to do for you") == "English"
    assert languages.language("das ist nicht für den Hund und die Katze") == "German"
    assert languages.language("xyz") == ""
    texts = ["this is the one that they have"] * 30 + ["das ist nicht für den Hund"] * 6
    assert by_code(languages.report(texts, places(36)))["languages-mixed"].count == 6


def test_labels_that_are_one():
    labels = ["good"] * 12 + ["GOOD", "go\u043ed ", "bad\u00a0"] + ["bad"] * 12
    groups = labels_report.variants(labels)
    assert [group[0] for group in groups] == ["good", "bad"]
    report = by_code(labels_report.report(labels))
    assert report["label-variants"].count == 2
    assert report["class-rare"].count == 3


def test_a_class_that_a_split_lacks():
    report = by_code(labels_report.report(["a", "b", "c", "a", "b"], ["train"] * 3 + ["test"] * 2))
    assert report["class-lost"].severity == "error"
    assert report["class-lost"].examples == ("'c' is not in test",)


def days(count: int) -> pd.DatetimeIndex:
    return pd.date_range("2024-01-01", periods=count)


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(15, 5, count)


def series(values, times=None, frequency="D"):
    values = np.asarray(values, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    times = days(len(values)) if times is None else times
    names = [f"c{n}" for n in range(values.shape[1])]
    return by_code(series_report.report(times, values, names, places(len(times)), frequency))


def test_a_clean_series_has_nothing_but_numbers():
    assert {finding.severity for finding in series(noise(300)).values()} == {"info"}


def test_sentinels_are_apart_from_all_others():
    values = noise(100)
    values[[3, 50]] = -9999
    report = series(values)
    assert report["sentinel"].count == 2
    assert report["sentinel"].examples[0] == "line 5: -9999"
    assert "outliers" not in report
    values = noise(100) + 100
    values[4] = -200
    assert series(values)["sentinel"].examples == ("line 6: -200",)
    pressures = np.linspace(990, 1010, 100)
    pressures[7] = 999
    assert "sentinel" not in series(pressures)


def test_zeros_in_runs_and_zeros_that_are_values():
    values = noise(200) + 100
    values[20:26] = 0
    assert series(values)["zero-runs"].count == 6
    rain = np.maximum(0, noise(200) - 15)
    assert "zero-runs" not in series(rain)


def test_outliers_flat_runs_and_repeated_blocks():
    values = noise(300)
    values[10] = 1e6
    values[100:130] = 7.5
    values[200:260] = values[20:80]
    report = series(values)
    assert report["outliers"].examples == ("line 12: 1e+06",)
    assert report["flat-run"].count == 30
    assert report["repeated-blocks"].count == 2
    assert report["repeated-blocks"].examples[0] == "line 202 repeats line 22"


def test_columns_without_use_gaps_and_times():
    values = np.stack([noise(100), np.full(100, 3.0), noise(100)], axis=1)
    values[:60, 2] = np.nan
    times = days(101).delete(40)
    report = series(values, times)
    assert report["column-constant"].severity == "error"
    assert report["column-almost-empty"].count == 60
    assert report["gaps"].count == 1
    assert report["gaps"].examples == ("2024-02-10 00:00:00",)
    assert series(values, times.insert(0, times[0])[:-1])["duplicate-times"].count == 1
    odd = pd.DatetimeIndex(["1970-01-01"]).append(times[1:])
    assert series(values, odd, None)["sentinel-time"].count == 1


def test_images_of_odd_kinds_modes_and_sizes():
    files = {
        "a/0.png": encoded(noise=0),
        "a/1.png": encoded(noise=0),
        "b/2.png": encoded(noise=0),
        "b/3.jpg": encoded(mode="CMYK", colour=(1, 2, 3, 4), kind="JPEG"),
        "b/4.gif": encoded(mode="L", colour=7, kind="GIF"),
        "b/5.png": b"no image",
        "b/6.png": encoded(size=(200, 8), noise=1),
    }
    names, labels = list(files), [name[0] for name in files]
    report = by_code(images.report(names, labels, files.values(), empty_classes=["c"]))
    assert report["rows"].count == 7
    assert report["duplicates"].count == 2
    assert report["label-conflict"].count == 2
    assert report["image-kind"].examples[0].startswith("b/4.gif")
    assert report["image-unreadable"].examples[0].startswith("b/5.png")
    assert {report[f"image-{name}"].count for name in ("mode", "small", "narrow", "blank")} == {1}
    assert report["class-lost"].examples == ("c",)
    assert images.conflicts(files.values(), labels)


def test_pairs():
    sources = ["A dog runs.", "A dog runs.", "A dog runs.", "Hello", '"He said ""no"" twice."', "x"]
    targets = ["Ein Hund.", "Ein Hund.", "Der Hund.", "Hello", "Er sagte nein.", "y" * 40]
    report = by_code(pairs.report(sources, targets, places(6)))
    assert report["duplicates"].count == 1
    assert report["several-translations"].count == 3
    assert report["untranslated"].examples == ("line 5: Hello | Hello",)
    assert report["quotes"].count == 1
    assert report["length-ratio"].count == 1


def test_tables():
    rows = [["1", "x", ""], ["2", "x", ""], ["3", "x"], ["", "", ""]]
    report = by_code(columns.report(["id", "kind", "note"], rows[:3], [2, 3, 4]))
    assert report["rows-ragged"].examples == ("line 4: 2 cells",)
    report = by_code(columns.report(["id", "kind", "id"], rows, [2, 3, 4, 5]))
    assert report["rows-blank"].examples == ("line 5",)
    assert report["column-twice"].examples == ("id",)
    rows = [[str(n), "x", "1" if n == 7 else "NA"] for n in range(20)]
    report = by_code(columns.report(["id", "kind", "note"], rows, range(2, 22)))
    assert report["column-constant"].count == 20
    assert report["column-almost-empty"].count == 19


def test_report_as_text_and_json(tmp_path):
    report = texts_report.report(["a b", "a b", "c d"], ["x", "x", "y"], places(3))
    findings.write(tmp_path, report)
    entries = json.loads((tmp_path / "report.json").read_text())["findings"]
    order = [entry["severity"] for entry in entries]
    assert order == sorted(order, key=["error", "warning", "info"].index)
    assert all(len(entry["examples"]) <= findings.MAX_EXAMPLES for entry in entries)
    text = (tmp_path / "report.txt").read_text()
    assert all(entry["code"] in text for entry in entries)
