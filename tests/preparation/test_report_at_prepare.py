"""The data report that `prepare` leaves beside the splits: complete, short, and without effect."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from pipelines import tracking
from pipelines.preparation import text_splits
from pipelines.preparation.data_report import findings, images, texts
from pipelines.preparation.data_report import series as series_report
from pipelines.preparation.splits import TextSplit
from pipelines.spec import DataSpec
from pipelines.stages import prepare
from pipelines.storage import arrays

OUT = Path("data/prepared/mine")


@pytest.fixture(autouse=True)
def project(empty_folder):
    """The working directory is an empty one."""


def run(recipe: str, source: str, **options) -> dict[str, dict]:
    """Prepares a data set; returns the findings of its report by their code."""
    block = {"recipe": recipe, "source": source, "options": options}
    Path("params.yaml").write_text(yaml.safe_dump({"seed": 1, "datasets": {"mine": block}}))
    prepare.run(Path("params.yaml"), "mine")
    content = json.loads((OUT / "report.json").read_text())
    assert content["version"] == 1
    return {finding["code"]: finding for finding in content["findings"]}


def sentence(number: int) -> str:
    """Five words that no other sentence has."""
    letters = "".join(chr(97 + int(digit)) for digit in str(number))
    return " ".join(f"{word}{letters}" for word in "river stone cloud garden window".split())


def write_texts(count: int = 80) -> None:
    rows = [f"{sentence(number)},{('good', 'bad')[number % 2]}\n" for number in range(count)]
    rows += [rows[0].upper().replace("GOOD", "good"), f"{sentence(1)} more,bad\n"]
    rows += ["a<br>b <b>c</b>,good\n"]
    Path("a.csv").write_text("text,label\n" + "".join(rows))


def write_images() -> None:
    rng = np.random.default_rng(0)
    for label in ("cat", "dog"):
        Path("photos", label).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(0, 255, (40, 48, 3), np.uint8)
            Image.fromarray(pixels).save(Path("photos", label, f"{number}.png"))
    shutil.copy("photos/cat/3.png", "photos/cat/copy.png")
    shutil.copy("photos/dog/3.png", "photos/cat/conflict.png")
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save("photos/dog/retouched.png")
    Image.new("RGB", (40, 40), (1, 2, 3)).save("photos/dog/blank.png")


def test_texts_report_all_rows_also_those_that_are_dropped(capsys):
    write_texts()
    report = run("text_csv", "a.csv", split={"val": 0.2, "test": 0.2})
    assert report["rows"]["count"] == 83
    assert report["duplicates"]["count"] == 1
    assert report["duplicates"]["examples"][0].startswith("line 82 = line 2:")
    assert report["near-duplicates"]["count"] == 1
    assert report["near-duplicates"]["examples"][0].startswith("line 83 ~ line 3:")
    assert report["markup"]["count"] == 1
    printed = capsys.readouterr().out.splitlines()
    assert any(line.startswith("mine: ! duplicates: ") for line in printed)
    assert not any("lengths" in line for line in printed)
    assert printed[-1] == "mine:   examples: data/prepared/mine/report.txt"


def test_near_duplicates_of_the_split_are_not_computed_again(monkeypatch):
    monkeypatch.setattr(texts, "MAX_COMPARED", 3)
    write_texts()
    assert run("text_csv", "a.csv")["near-duplicates"]["count"] == 1
    in_order = run("text_csv", "a.csv", split={"method": "file_order", "val": 20, "test": 20})
    assert in_order["near-duplicates"]["severity"] == "info"
    assert "of the 3 compared" in in_order["near-duplicates"]["message"]


def test_rows_that_the_source_splits_are_not_compared():
    rows = [sentence(number) for number in range(40)]
    given = ["test" if number >= 30 else "" for number in range(40)]
    targets = np.arange(40) % 2
    options = TextSplit(val=0.2)
    _, groups = text_splits.split_texts(Path("a"), options, rows, given, targets, 1)
    assert groups[30:].tolist() == [-1] * 10
    assert len(set(groups[:30].tolist())) == 30


def test_images_report_what_the_options_allow_as_a_warning():
    write_images()
    report = run("image_folder", "photos", size=[32, 32], conflicts="drop")
    assert report["rows"]["count"] == 44
    assert report["duplicates"]["count"] == 2
    assert report["label-conflict"]["severity"] == "warning"
    assert report["near-duplicates"]["examples"] == ["dog/retouched.png = dog/19.png"]
    assert report["image-blank"]["examples"][0].startswith("dog/blank.png")


def test_images_beyond_the_limit_are_compared_as_files_only(monkeypatch):
    monkeypatch.setattr(images, "MAX_HEADS", 10)
    write_images()
    report = run("image_folder", "photos", size=[32, 32], conflicts="drop")
    assert report["sample"]["count"] == 10
    assert report["duplicates"]["count"] == 2


def test_class_folders_beside_the_classes_may_be_left_out():
    write_images()
    Path("photos/bird").mkdir()
    run("image_folder", "photos", size=[8, 8], conflicts="drop", classes=["cat", "dog"])
    assert DataSpec.load(OUT / "spec.json").labels == ("cat", "dog")


def test_series_report_gaps_before_they_are_filled():
    rng = np.random.default_rng(0)
    rows = [f"2024-01-01T{n % 24:02}:00,{rng.normal(15, 5):.3f}\n" for n in range(24)]
    rows += [f"2024-01-02T{n:02}:00,{-9999 if n == 5 else n}\n" for n in range(24) if n != 9]
    rows += [f"2024-01-03T{n:02}:00,{rng.normal(15, 5):.3f}\n" for n in range(24)]
    Path("a.csv").write_text("time,x\n" + "".join(rows))
    report = run(
        "timeseries_csv", "a.csv", values={"x": "degC"}, frequency="h", history_steps=4,
        horizon_steps=2, gaps="interpolate", decimal=".",
    )  # fmt: skip
    assert report["rows"]["count"] == 71
    assert report["gaps"]["examples"] == ["2024-01-02 09:00:00"]
    assert report["sentinel"]["examples"] == ["line 31: -9999"]


def test_a_month_that_begins_in_1970_is_a_time_like_any_other():
    times = np.arange("1960-01", "1990-01", dtype="datetime64[M]")
    index = series_report.pd.DatetimeIndex(times.astype("datetime64[ns]"))
    assert not len(series_report.sentinel_times(index))
    apart = index[:1].union(index[300:])  # 1960, then from 1985 on
    odd = series_report.pd.DatetimeIndex(["1970-01-01"]).append(apart[1:])
    assert series_report.sentinel_times(odd).tolist() == [0]


def test_pairs_report_the_lines_of_the_file():
    rows = [f"{sentence(number)}\t{sentence(number + 500)}\n" for number in range(80)]
    rows += ["same words here\tsame words here\n", f"{sentence(3)}\t{'long ' * 60}\n"]
    Path("a.tsv").write_text("".join(rows))
    report = run("parallel_text", "a.tsv", subwords={"vocabulary_size": 60})
    assert report["rows"]["count"] == 82
    assert report["untranslated"]["examples"][0].startswith("line 81:")
    assert report["length-ratio"]["examples"][0].startswith("line 82:")


def test_digests_are_of_the_splits_alone():
    write_texts()
    run("text_csv", "a.csv")
    digests = DataSpec.load(OUT / "spec.json").digests
    assert set(digests) == {f"repeat0/{split}" for split in ("train", "val", "test")}
    (OUT / "report.txt").write_text("another report")
    assert digests == {split: arrays.digest(OUT / split) for split in digests}


def test_in_short_is_ten_lines_at_most_and_of_what_hurts():
    report = [findings.Finding(f"code-{n}", "warning", n, "word " * 60) for n in range(30)]
    report += [findings.Finding("rows", "info", 1, "1 text")]
    lines = findings.in_short(report, Path("report.txt"))
    assert len(lines) == findings.MAX_LINES
    assert lines[-1] == "  21 more, and examples: report.txt"
    assert max(map(len, lines)) <= 100
    assert findings.in_short(report[-1:], Path("report.txt")) == []


def test_a_run_holds_the_report_of_its_data(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{Path.cwd() / 'mlflow.db'}")
    write_texts()
    run("text_csv", "a.csv")
    identity = {"code": "a", "data": "b", "params": {}}
    options = {"identity": identity, "params": {}, "tags": {}, "dataset": None}
    with tracking.start("text_classification", "mine", **options) as main:
        main.data_report(OUT)
        main.data_report(Path("data/prepared/nothing"))
    stored = tracking.client().list_artifacts(main.id, "data_report")
    assert [Path(file.path).name for file in stored] == ["report.json", "report.txt"]


@pytest.mark.slow
def test_a_hundred_thousand_rows_take_a_second_or_two():
    rng = np.random.default_rng(0)
    words = np.array(["".join(rng.choice(list("abcdefghijé"), 6)) for _ in range(20_000)])
    rows = [" ".join(row) for row in words[rng.zipf(1.3, (100_000, 18)) % 20_000]]
    places = [f"line {number}" for number in range(len(rows))]
    started = time.process_time()
    texts.report(rows, ["a", "b"] * 50_000, places)
    assert time.process_time() - started < 6  # measured: 1.1 s on one core, unshared
