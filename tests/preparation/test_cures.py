"""Every cure that a message of `prepare` names works: the same files, with the option it names."""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from pydantic import BaseModel

from pipelines.config import loader
from pipelines.config.errors import UserError
from pipelines.stages import prepare
from tests.support.messages import calls, template
from tests.support.project import distinct_text as text

pytestmark = pytest.mark.usefixtures("empty_folder")

ROOMS = ("pipelines/preparation/", "pipelines/datasets/", "pipelines/preprocessing/")
INSPECTION = "pipelines/preparation/inspection/"  # of `init`, whose cures are answers
RECIPES = ("text_csv", "text_lines", "text_folder", "image_folder", "timeseries_csv",
           "parallel_text")  # fmt: skip
SUBWORDS = {"vocabulary_size": 60, "max_tokens": 40}
SERIES = {
    "values": {"load": "kW"}, "frequency": "D", "history_steps": 6, "horizon_steps": 3,
    "split": {"val": 12, "test": 20},
}  # fmt: skip
IMAGES = {"size": [8, 8], "split": {"val": 4, "test": 4}}


@dataclass
class Case:
    """code: of the error. write: makes the source. options: with which it is raised. cure: the
    options that the message names, dotted, with a value that helps; None removes one."""

    code: str
    recipe: str
    write: Callable[[Path], object]
    cure: Mapping[str, object]
    options: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}, {self.recipe}: {', '.join(self.cure)}"


def file(*lines: str, encoding: str = "utf-8") -> Callable[[Path], object]:
    return lambda source: source.write_bytes(("\n".join(lines) + "\n").encode(encoding))


def files(**contents: list[str]) -> Callable[[Path], object]:
    def write(source: Path) -> None:
        for name, lines in contents.items():
            path = source / name.replace("__", "/").replace("_txt", ".txt")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines) + "\n", "utf-8")

    return write


def folders(*names: str, count: int = 12, skip: Mapping[str, int] | None = None):
    """Folders of texts."""

    def write(source: Path) -> None:
        for number, name in enumerate(names):
            (source / name).mkdir(parents=True)
            for n in range((skip or {}).get(name, count)):
                (source / name / f"{n}.txt").write_text(text(100 * number + n))

    return write


def images(*names: str, change: Callable[[Path], object] = lambda source: None, side: int = 8):
    def write(source: Path) -> None:
        rng = np.random.default_rng(0)
        for name in names:
            (source / name).mkdir(parents=True)
            for n in range(12):
                pixels = rng.integers(0, 256, (side, side, 3), np.uint8)
                Image.fromarray(pixels).save(source / name / f"{n:02}.png")
        change(source)

    return write


def copy(one: str, other: str) -> Callable[[Path], object]:
    return lambda source: shutil.copy(source / one, source / other)


def heic(*names: str) -> Callable[[Path], object]:
    def write(source: Path) -> None:
        for name in names:
            (source / name).parent.mkdir(exist_ok=True)
            (source / name).write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))

    return write


def labelled(count: int = 60, *, labels: str = "01") -> list[str]:
    return [f"{labels[n % len(labels)]},{text(n)}" for n in range(count)]


def lines(count: int = 60, first: int = 0) -> list[str]:
    return [f"{n % 2} {text(n)}" for n in range(first, first + count)]


def days(
    count: int = 60, *, step: str = "D", form: str = "%Y-%m-%d", value=lambda n: n % 7 + n / 10
):
    times = pd.date_range("2024-03-01", periods=count, freq=step)
    return [f"{time:{form}},{value(n)}" for n, time in enumerate(times)]


def pairs(count: int = 60, first: int = 0) -> list[str]:
    return [f"{text(n)}\t{text(n + 500)}" for n in range(first, first + count)]


def without(rows: list[str], *numbers: int) -> list[str]:
    return [row for number, row in enumerate(rows) if number not in numbers]


def german(number: float) -> str:
    return f"{number:,.2f}".replace(",", "'").replace(".", ",").replace("'", ".")


HEAD, CLOCK = "label,text", "time,load"
KILO = [1049, 775, 1147, 986, 1203, 640]
TABLE = files(train_txt=lines(), dev_txt=lines(20, 100), test_txt=lines(20, 50))
PARTS = {"files": {"train": "train.txt", "val": "dev.txt", "test": "test.txt"}}
SPLIT_PAIRS = files(a_txt=[text(n) for n in range(60)], b_txt=[text(n + 500) for n in range(60)],
                    c_txt=[text(n) for n in range(55, 75)],
                    d_txt=[text(n + 500) for n in range(55, 75)],
                    e_txt=[text(n) for n in range(80, 100)],
                    f_txt=[text(n + 500) for n in range(80, 100)])  # fmt: skip
PAIR_FILES = {
    "files": {"train": ["a.txt", "b.txt"], "val": ["e.txt", "f.txt"], "test": ["c.txt", "d.txt"]}
}
SPLIT_FOLDERS = folders("a/cat", "a/dog", "b/cat", "b/dog")

CASES = [
    # files and folders
    Case("source-is-folder", "text_csv", files(a_txt=[HEAD, *labelled()]), {"files.all": "a.txt"}),
    Case("source-is-folder", "timeseries_csv", files(a_txt=[CLOCK, *days()]), {"files": "*.txt"}),
    Case("source-is-folder", "parallel_text",
         files(a_txt=[text(n) for n in range(60)], b_txt=[text(n + 500) for n in range(60)]),
         {"files.all": ["a.txt", "b.txt"]}),
    Case("source-is-file", "text_csv", file(HEAD, *labelled()), {"files": None},
         {"files": {"all": "a.txt"}}),
    Case("source-is-file", "parallel_text", file(*pairs()), {"files": None},
         {"files": {"all": ["a.txt", "b.txt"]}}),
    Case("file-missing", "text_csv", files(a_txt=[HEAD, *labelled()]), {"files.all": "a.txt"},
         {"files": {"all": "b.txt"}}),
    Case("folder-missing", "text_folder", folders("x/cat", "x/dog"), {"folders.all": "x"},
         {"folders": {"all": "y"}}),
    Case("folders-ambiguous", "text_folder", folders("train/a", "train/b", "test/a", "test/b",
                                                     "other/a", "other/b"),
         {"folders": {"train": "train", "test": "test"}}),
    Case("folders-ambiguous", "text_folder", folders("train/a", "test/a", "other/a"),
         {"folders": {"all": "."}}),
    Case("folders-ambiguous", "text_folder", SPLIT_FOLDERS, {"folders": {"all": "."}}),
    Case("folders-ambiguous", "text_folder", SPLIT_FOLDERS,
         {"folders": {"train": "a", "test": "b"}}),
    Case("splits-as-classes", "text_folder", folders("train/a", "train/b", "test/a", "test/b"),
         {"folders": {"train": "train", "test": "test"}}, {"folders": {"all": "."}}),
    Case("splits-twice", "text_folder", folders("train/a", "train/b", "test/a", "test/b",
                                                "eval/a", "eval/b"),
         {"folders": {"train": "train", "test": "test"}}),
    Case("splits-inside-classes", "text_folder", folders("a/train", "a/test", "b/train", "b/test"),
         {"folders": {"all": "."}}),
    Case("class-missing", "text_folder", folders("x/a", "x/b", "x/c", "y/a", "y/b"),
         {"classes": ["a", "b"]}, {"folders": {"train": "x", "test": "y"}}),
    Case("class-lost", "image_folder", images("a", "b", change=heic("c/1.heic")),
         {"classes": ["a", "b"]}, {"bad_files": "skip"}),
    Case("image-format", "image_folder", images("a", "b", change=heic("a/1.heic")),
         {"bad_files": "skip"}),
    Case("image-too-large", "image_folder", images("a", "b", side=20), {"max_pixels": 400},
         {"max_pixels": 300}),
    Case("label-conflict", "image_folder", images("a", "b", change=copy("a/01.png", "b/99.png")),
         {"conflicts": "drop"}),
    Case("split-overlap", "image_folder",
         images("x/a", "x/b", "y/a", "y/b", change=copy("x/a/01.png", "y/a/99.png")),
         {"duplicates": "drop"}, {"duplicates": "keep", "folders": {"train": "x", "test": "y"}}),
    Case("split-overlap", "image_folder",
         images("x/a", "x/b", "y/a", "y/b", change=copy("x/a/01.png", "y/a/99.png")),
         {"overlap": "report"}, {"duplicates": "keep", "folders": {"train": "x", "test": "y"}}),
    # texts and labels
    Case("split-overlap", "text_lines", TABLE, {"overlap": "drop"}, PARTS),
    Case("split-overlap", "text_lines", TABLE, {"overlap": "report"}, PARTS),
    Case("split-overlap", "parallel_text", SPLIT_PAIRS, {"overlap": "drop"}, PAIR_FILES),
    Case("split-overlap", "parallel_text", SPLIT_PAIRS, {"overlap": "report"}, PAIR_FILES),
    Case("{what}-empty", "text_csv", file(HEAD, *labelled(), "1,"), {"empty": "drop"}),
    Case("{what}-empty", "parallel_text", file(*pairs(), "x\t"), {"empty": "drop"}),
    Case("{what}-empty", "text_folder",
         files(**{f"{k}__{n}_txt": [text(n + 50 * (k == "b")) if n else ""]
                  for k in "ab" for n in range(15)}), {"empty": "drop"}),
    Case("{what}-empty", "timeseries_csv", file(CLOCK, *days(), ",3"), {"empty": "drop"}),
    Case("text-empty", "text_lines", file(*lines(), "1"), {"empty": "drop"}),
    Case("label-unknown", "text_csv", file(HEAD, *labelled(90, labels="012")),
         {"labels": {0: "a", 1: "b", 2: "c"}}, {"labels": {0: "a", 1: "b"}}),
    Case("label-conflict", "text_csv", file(HEAD, *labelled(), f"1,{text(0)}"),
         {"conflicts": "drop"}),
    Case("class-count", "text_csv", file(HEAD, *labelled(90, labels="012")), {"positive": None},
         {"positive": "1"}),
    Case("positive-missing", "text_csv", file(HEAD, *labelled()), {"positive": "1"},
         {"positive": "spam"}),
    Case("split-size", "text_csv", file(HEAD, *labelled()), {"split.test": 20},
         {"split": {"test": 60}}),
    Case("split-size", "timeseries_csv", file(CLOCK, *days()),
         {"split.val": 12, "split.test": 20}, {"split": {"val": 40, "test": 20}}),
    Case("split-conflict", "text_lines", TABLE, {"split": None},
         {**PARTS, "overlap": "drop", "split": {"val": 0.1}}),
    Case("class-missing", "text_csv", file(HEAD, *labelled(40), f"2,{text(90)}", f"2,{text(91)}",
                                           f"2,{text(92)}", f"2,{text(93)}"),
         {"split.val": 0.3, "split.test": 0.3}, {"split": {"val": 0.05}}),
    # tables
    Case("header-missing", "text_csv", file(HEAD, *labelled()), {"header": True},
         {"header": False}),
    Case("header-missing", "text_csv", file(*labelled()), {"names": ["label", "text"]},
         {"header": False}),
    Case("column-missing", "text_csv",
         file("label;text", *[row.replace(",", ";") for row in labelled()]), {"delimiter": ";"}),
    Case("column-missing", "text_csv", file("class,text", *labelled()), {"label": "class"}),
    Case("column-ambiguous", "timeseries_csv", file("time,load,load", *[r + ",1" for r in days()]),
         {"names": ["time", "load", "other"]}),
    Case("column-ambiguous", "text_csv", file(HEAD, *labelled()), {"file_column": "name"},
         {"file_column": "text"}),
    Case("names-count", "text_csv", file(HEAD, *labelled()), {"names": ["label", "text"]},
         {"names": ["label"]}),
    Case("names-repeated", "text_csv", file(HEAD, *labelled()), {"names": ["label", "text"]},
         {"names": ["text", "text"]}),
    Case("column-count", "text_csv",
         file("label;words, in full", *[row.replace(",", ";") for row in labelled()]),
         {"delimiter": ";"}, {"header": True, "label": 0, "text": 1}),
    Case("column-count", "text_csv", file(HEAD, f'1,"{text(70)}, {text(71)}"', *labelled()),
         {"quoting": True}, {"quoting": False}),
    Case("csv-invalid", "text_csv", file(HEAD, *labelled(), f'1,"{text(80)}" {text(81)}'),
         {"quoting": False}),
    Case("quoting-ambiguous", "parallel_text", file(*pairs(), f'"{text(70)}', f'{text(71)}"\tx'),
         {"quoting": True}),
    Case("encoding-wrong", "text_csv", file(HEAD, *labelled(), "1,caf\xe9", encoding="latin-1"),
         {"encoding": "cp1252"}),
    Case("encoding-wrong", "text_csv", file(HEAD, *labelled(), "1,caf\xe9"), {"encoding": "utf-8"},
         {"encoding": "latin-1"}),
    Case("encoding-wrong", "text_csv", file(HEAD, *labelled(), encoding="utf-16"),
         {"encoding": "utf-16"}),
    Case("nul-character", "text_csv", file(HEAD, *labelled(), encoding="utf-16-le"),
         {"encoding": "utf-16-le"}),
    Case("encoding-unknown", "text_csv", file(HEAD, *labelled()), {"encoding": "utf-8"},
         {"encoding": "utf8mb4"}),
    # pairs
    Case("header-as-pair", "parallel_text", file("English\tFrench", *pairs()), {"header": True}),
    Case("header-as-pair", "parallel_text", file("English\tFrench", *pairs()), {"header": False}),
    Case("column-missing", "parallel_text", file(*[row.replace("\t", ",") for row in pairs()]),
         {"delimiter": ","}),
    Case("rows-missing", "parallel_text", file(*pairs()), {"max_characters": 400},
         {"max_characters": 5}),
    Case("rows-missing", "parallel_text",
         file(*[f"{text(n)}\t{text(n)} {text(n + 1)} {text(n + 2)}" for n in range(60)]),
         {"max_ratio": 5.0}, {"max_ratio": 1.2}),
    Case("vocabulary-size", "parallel_text", file(*pairs()), {"subwords.vocabulary_size": 60},
         {"subwords": {"vocabulary_size": 10}}),
    # series
    Case("rows-missing", "timeseries_csv", file(CLOCK, *days()), {"rows": [1, 60]},
         {"rows": [1, 70]}),
    Case("value-invalid", "timeseries_csv",
         file("time;load", *[d.replace(",", ";").replace(".", ",") for d in days()]),
         {"decimal": ","}, {"delimiter": ";"}),
    Case("value-invalid", "timeseries_csv",
         file("time;load", *[f"{d.split(',')[0]};{german(1000.5 + n)}" for n, d in
                             enumerate(days())]),
         {"decimal": ",", "thousands": "."}, {"delimiter": ";"}),
    Case("value-invalid", "timeseries_csv", file(CLOCK, "2024-02-29,kW", *days()),
         {"units_row": True}),
    Case("value-invalid", "timeseries_csv", file(CLOCK, *days(59), "2024-04-29,n/a"),
         {"missing": ["n/a"]}, {"gaps": "forward_fill"}),
    Case("number-ambiguous", "timeseries_csv",
         file("time;load", *[f"{d.split(',')[0]};{f'{KILO[n % 6]:,}'.replace(',', '.')}"
                             for n, d in enumerate(days())]),
         {"decimal": ",", "thousands": "."}, {"delimiter": ";"}),
    Case("number-ambiguous", "timeseries_csv",
         file("time;load", *[f"{d.split(',')[0]};{f'{KILO[n % 6]:,}'.replace(',', '.')}"
                             for n, d in enumerate(days())]),
         {"decimal": "."}, {"delimiter": ";"}),
    Case("column-constant", "timeseries_csv", file("time,load,flat", *[f"{d},1" for d in days()]),
         {"values": {"load": "kW"}}, {"values": {"load": "kW", "flat": "kW"}}),
    Case("time-duplicate", "timeseries_csv", file(CLOCK, *days(), days()[-1]),
         {"duplicates": "first"}),
    Case("time-duplicate", "timeseries_csv",
         file(CLOCK, *[f"2024-10-27T0{h}:00,{h}" for h in (0, 1, 2, 2, 3)],
              *[f"{t:%Y-%m-%dT%H:%M},{n}" for n, t in
                enumerate(pd.date_range("2024-10-27T04:00", periods=70, freq="h"))]),
         {"time_zone": "Europe/Berlin"}, {"frequency": "h"}),
    Case("time-invalid", "timeseries_csv", file(CLOCK, *days(form="%d.%m.%Y")),
         {"time_format": "%d.%m.%Y"}),
    Case("time-invalid", "timeseries_csv",
         file(CLOCK, *[f"{1709251200 + 86400 * n},{n % 7}" for n in range(60)]),
         {"time_format": "unix_seconds"}),
    Case("time-nonexistent", "timeseries_csv",
         file(CLOCK, *[f"{t:%Y-%m-%dT%H:%M},{n % 7}" for n, t in
                       enumerate(pd.date_range("2024-03-31T00:00", periods=60, freq="h"))]),
         {"time_zone": None}, {"frequency": "h", "time_zone": "Europe/Berlin"}),
    Case("time-off-grid", "timeseries_csv", file(CLOCK, *days(step="MS")), {"frequency": "MS"},
         {"frequency": "ME"}),
    Case("frequency-wrong", "timeseries_csv", file(CLOCK, *days(step="MS")), {"frequency": "MS"},
         {"frequency": "h"}),
    Case("value-missing", "timeseries_csv", file(CLOCK, *without(days(), 9)),
         {"gaps": "interpolate"}),
    Case("value-missing", "timeseries_csv", file(CLOCK, *without(days(), 9)),
         {"gaps": "forward_fill"}),
    Case("value-missing", "timeseries_csv", file(CLOCK, "2024-02-29,", *days()), {"rows": [2, 61]},
         {"gaps": "interpolate"}),
    Case("gap-too-long", "timeseries_csv", file(CLOCK, *without(days(70), *range(9, 19))),
         {"longest_gap_steps": 10}, {"gaps": "interpolate"}),
    Case("split-too-short", "timeseries_csv", file(CLOCK, *days()),
         {"history_steps": 6, "horizon_steps": 3}, {"horizon_steps": 30}),
    Case("column-precision", "timeseries_csv",
         file("time,load,other", *[f"{d},{1e9 + n % 3}" for n, d in enumerate(days())]),
         {"values": {"load": "kW"}}, {"values": {"load": "kW", "other": "m"}}),
]  # fmt: skip
# Messages that name an option, but whose cure is in the files, or is tested elsewhere.
REASONS = {
    "lines-are-table": "names another recipe: tests/preparation/test_silent_mistakes.py",
    "images-missing": "every file was skipped: other files are needed",
    "document-alone": "both cures: tests/preparation/test_text_documents.py",
    "files-missing": "another pattern is needed: tests/preparation/test_text_documents.py",
    "archive-not-a-file": "`member` is of a download: tests/stages/test_fetch.py",
    "benchmark-not-covered": "more text: tests/preparation/test_word_benchmarks.py",
    "mask-value-unclear": "tests/preparation/test_image_masks.py",
    "ignore-named": "tests/preparation/test_image_masks.py",
    "video-too-large": "tests/preparation/test_frame_folders.py",
    "split-given": "tests/preparation/test_signal_recipes.py",
    "pickle-refused": "another file is needed: tests/preparation/test_watch_streams.py",
    "array-missing": "another file is needed: tests/preparation/test_watch_streams.py",
    "caption-missing": "tests/preparation/test_image_captions.py",
}
DEFAULTS = {"timeseries_csv": SERIES, "image_folder": IMAGES, "text_folder": {},
            "parallel_text": {"subwords": SUBWORDS}}  # fmt: skip


def run(case: Case, source: Path, options: Mapping[str, object]) -> None:
    dataset = {"recipe": case.recipe, "source": str(source), "options": dict(options)}
    Path("params.yaml").write_text(yaml.safe_dump({"seed": 1, "datasets": {"set": dataset}}))
    prepare.run(Path("params.yaml"), "set")


def changed(options: Mapping[str, object], cure: Mapping[str, object]) -> dict[str, object]:
    """The options with those of the cure; a dot leads into a block."""
    result = dict(options)
    for name, value in cure.items():
        block, _, inner = name.partition(".")
        if inner:
            result[block] = {**result.get(block, {}), inner: value}
        elif value is None:
            result.pop(name)
        else:
            result[name] = value
    return result


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_cure_of_a_message_works(case):
    source = Path("source")
    case.write(source)
    options = {**DEFAULTS.get(case.recipe, {}), **case.options}
    with pytest.raises(UserError) as error:
        run(case, source, options)
    code = re.sub(r"\{\w+\}", r"[a-z]+", case.code)
    assert re.fullmatch(code, error.value.code), str(error.value)
    for name in case.cure:
        block, _, inner = name.partition(".")
        place = f"{error.value.message} {error.value.key}"
        assert (inner or block) in place or block in place, f"{name}: {error.value}"
    run(case, source, changed(options, case.cure))


def test_every_message_that_names_an_option_is_tried():
    tried = {case.code for case in CASES} | set(REASONS)
    names = set.union(*(options_of(loader.recipe(recipe).Options) for recipe in RECIPES))
    words = "|".join(sorted(names))
    mention = re.compile(rf"`({words})`|\b({words}): \S|\b(?=\w*_)({words})\b")
    for place, call in calls():
        code, message = (template(argument) for argument in call.args[:2])
        if place.startswith(ROOMS) and not place.startswith(INSPECTION) and mention.search(message):
            assert code in tried or code == "{...}", f"{place}: {code}: {message}"


def options_of(model: type[BaseModel]) -> set[str]:
    """The names of a recipe's options, and of those in their blocks."""
    names = set(model.model_fields)
    for info in model.model_fields.values():
        for annotation in (info.annotation, *get_args(info.annotation)):
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                names |= options_of(annotation)
    return names
