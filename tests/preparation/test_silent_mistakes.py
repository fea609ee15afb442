"""Inputs that could be read wrongly without a word: the right values, a refusal, or a warning."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from pipelines.preparation import folder_names, number_cells, text_files, time_cells
from pipelines.preparation.data_report import labels, pairs
from pipelines.stages import prepare
from pipelines.storage import arrays
from tests.support.project import distinct_text as text
from tests.support.user_errors import user_error

pytestmark = pytest.mark.usefixtures("empty_folder")

LABELLED = [f"{n % 2},{text(n)}" for n in range(60)]
SERIES = {
    "values": {"load": "kW"}, "frequency": "h", "history_steps": 6, "horizon_steps": 3,
    "split": {"val": 12, "test": 20},
}  # fmt: skip


def run(recipe: str, source: str, **options) -> np.ndarray | None:
    """The first history of a series."""
    dataset = {"recipe": recipe, "source": source, "options": options}
    Path("params.yaml").write_text(yaml.safe_dump({"seed": 1, "datasets": {"set": dataset}}))
    prepare.run(Path("params.yaml"), "set")
    columns = arrays.read(Path("data/prepared/set/repeat0/train"))
    return columns["history"][0] if "history" in columns else None


def write(lines: list[str], name: str = "a.csv", encoding: str = "utf-8") -> str:
    Path(name).write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return name


def hours(count: int = 60, form: str = "%Y-%m-%dT%H:%M") -> list[str]:
    times = pd.date_range("2024-03-01", periods=count, freq="h")
    return [f"{time:{form}},{n % 7 + n / 10}" for n, time in enumerate(times)]


class TestTables:
    @pytest.mark.parametrize("recipe", ["text_csv", "timeseries_csv"])
    def test_joined_files_hold_their_header_twice(self, recipe):
        rows = LABELLED if recipe == "text_csv" else hours()
        header = "label,text" if recipe == "text_csv" else "time,load"
        source = write([header, *rows[:30], header, *rows[30:]])
        with user_error("header-repeated", path="a.csv", line=32, value=1):
            run(recipe, source, **(SERIES if recipe == "timeseries_csv" else {}))

    def test_lines_that_are_a_table(self):
        source = write([f"very {'good' if n % 2 else 'bad'}\t{text(n)}" for n in range(60)])
        with user_error("lines-are-table", path="a.csv", line=1, value="very bad"):
            run("text_lines", source)
        run("text_csv", source, delimiter="\t", header=False, label=0, text=1)
        with user_error("file-kind", path="a.csv", value="json"):
            run("text_lines", write(['{"label": "a", "text": "b"}'] * 9))

    @pytest.mark.parametrize(
        ("written", "encoding"),
        [("utf-8", "cp1252"), ("utf-8", "latin-1"), ("utf-8-sig", "cp1252"), ("utf-16", "utf-8"),
         ("utf-32", "utf-8"), ("utf-16", "latin-1")],
    )  # fmt: skip
    def test_a_file_in_another_encoding(self, written, encoding):
        source = write(["label,text", *LABELLED, "1,caf\xe9"], encoding=written)
        with user_error("encoding-wrong", path="a.csv", line=1, key="encoding"):
            run("text_csv", source, encoding=encoding)

    def test_marks_of_byte_order_are_no_text(self):
        for encoding in ("utf-8-sig", "utf-16", "utf-16-le"):
            data = ("\ufeff" * (encoding == "utf-16-le") + "caf\xe9").encode(encoding)
            name = encoding.removesuffix("-sig")
            assert text_files.decode("a.txt", data, name) == "caf\xe9"
        assert text_files.decode("a.txt", "caf\xe9".encode("cp1252"), "cp1252") == "caf\xe9"


class TestNumbersAndTimes:
    @pytest.mark.parametrize(
        ("cell", "value"), [("\u22123", -3), ("1e5", 1e5), ("+5", 5), (".5", 0.5), ("5.", 5)]
    )
    def test_numbers(self, cell, value):
        assert number_cells.parse(cell, ".", None) == value

    @pytest.mark.parametrize(
        "cell",
        ["NA", "-", "?", "#DIV/0!", "nan", "inf", "1e400", "1_000", "0x10", "12%", "(5)", "TRUE",
         "5 kW", "1,049", "1'049", "1 049", "1\u00a0049", "1.049.000", ""],
    )  # fmt: skip
    def test_cells_that_are_no_numbers(self, cell):
        assert number_cells.parse(cell, ".", None) is None

    def test_thousands_in_a_semicolon_file_are_asked_for(self):
        rows = [row.split(",")[0] + f";{1700 + n * 13:,}".replace(",", ".")
                for n, row in enumerate(hours())]  # fmt: skip
        source = write(["time;load", *rows])
        with user_error("number-ambiguous", path="a.csv", line=2, value="1.700"):
            run("timeseries_csv", source, delimiter=";", **SERIES)
        german = run("timeseries_csv", source, delimiter=";", decimal=",", thousands=".", **SERIES)
        assert german[0, 0] == 1700
        english = run("timeseries_csv", source, delimiter=";", decimal=".", **SERIES)
        assert english[0, 0] == pytest.approx(1.7)

    def test_offsets_in_some_rows(self):
        rows = [*hours()[:30], *(row.replace(",", "+02:00,") for row in hours()[30:])]
        with user_error("time-offset-mixed", path="a.csv", line=32, key="time"):
            run("timeseries_csv", write(["time,load", *rows]), **SERIES)

    @pytest.mark.parametrize(
        ("cell", "option"),
        [("1709251200", "unix_seconds"), ("1709251200000", "unix_milliseconds"),
         ("1709251200000000", "unix_microseconds"), ("45352", "spreadsheet")],
    )  # fmt: skip
    def test_numbers_for_times_name_the_option(self, cell, option):
        clock = time_cells.Clock(None, None, "h")
        with user_error("time-invalid", line=7, value=cell):
            clock.read(Path("a.csv"), 7, cell, None)
        assert option in time_cells._hint(cell, None)
        if option in time_cells.UNIX:
            read = time_cells.Clock(option, None, "h").read(Path("a.csv"), 7, cell, None)
            assert read.isoformat() == "2024-03-01T00:00:00"

    @pytest.mark.parametrize(
        ("cell", "time"), [("1949", "1949-01-01"), ("1949-03", "1949-03-01"), ("19490301", None)]
    )
    def test_years_and_months(self, cell, time):
        assert f"{time_cells.iso_time(cell):%Y-%m-%d}" == (time or "1949-03-01")
        with pytest.raises(ValueError, match=r"1949|Invalid"):
            time_cells.iso_time(f"{cell}x")


class TestFoldersAndArchives:
    @pytest.mark.parametrize(
        ("name", "split"),
        [("TRAIN", "train"), ("Trainingsdaten", "train"), ("entrenamiento", "train"),
         ("Validaci\xf3n", "val"), ("Testdaten", "test"), ("prueba", "test"),
         ("\u8bad\u7ec3\u96c6", "train"), ("\u30c6\u30b9\u30c8\u30c7\u30fc\u30bf", "test"),
         ("cats", None), ("Testament", None), ("teapots", None)],
    )  # fmt: skip
    def test_names_of_splits(self, name, split):
        assert folder_names.split_named(name) == split

    def archive(self, members: dict[str, bytes], name: str = "a.zip") -> str:
        with zipfile.ZipFile(name, "w") as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        return name

    def test_an_archive_in_an_archive(self):
        inner = Path(self.archive({"cat/1.png": b"x"}, "inner.zip")).read_bytes()
        with user_error("folder-missing", path="a.zip", key="folders.all", value="."):
            run("image_folder", self.archive({"inner.zip": inner}))

    def test_an_encrypted_archive(self):
        data = bytearray(Path(self.archive({"cat/1.png": b"x", "dog/1.png": b"y"})).read_bytes())
        for mark, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            start = data.find(mark)
            while start >= 0:
                data[start + flag] |= 1
                start = data.find(mark, start + 1)
        Path("a.zip").write_bytes(data)
        with user_error("archive-encrypted", path="a.zip"):
            run("image_folder", "a.zip")

    @pytest.mark.parametrize("data", [b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\x89PNG\r\n\x1a\n"])
    def test_what_is_no_archive(self, data):
        Path("a.zip").write_bytes(data + bytes(600))
        with user_error("file-kind", path="a.zip"):
            run("image_folder", "a.zip")


class TestWarnings:
    def test_numbers_written_in_two_ways(self):
        assert labels.variants(["1", "1.0", "01", "2", "a1"]) == [["1", "1.0", "01"]]

    def test_pairs_with_their_sides_swapped(self):
        english, russian = (
            "the house is mine",
            "\u044d\u0442\u043e \u043c\u043e\u0439 \u0434\u043e\u043c",
        )
        rows = [(russian, english) if n == 7 else (english, russian) for n in range(30)]
        findings = pairs.report(*zip(*rows, strict=True), [f"line {n}" for n in range(30)])
        (swapped,) = [finding for finding in findings if finding.code == "sides-swapped"]
        assert swapped.count == 1 and "line 7" in str(swapped.examples)


def test_an_image_of_the_first_frame_alone():
    stream = io.BytesIO()
    first, second = (np.full((8, 8, 3), value, np.uint8) for value in (10, 200))
    Image.fromarray(first).save(
        stream, "PNG", save_all=True, append_images=[Image.fromarray(second)]
    )
    for label in ("cat", "dog"):
        Path("raw", label).mkdir(parents=True)
        for n in range(12):
            pixels = np.full((8, 8, 3), 20 * n + 5 * (label == "dog"), np.uint8)
            Image.fromarray(pixels).save(f"raw/{label}/{n}.png")
    Path("raw/cat/frames.png").write_bytes(stream.getvalue())
    run("image_folder", "raw", size=[8, 8], split={"val": 4, "test": 4})
    splits = [arrays.read(Path("data/prepared/set/repeat0") / name) for name in prepare.SPLITS]
    (image,) = [
        image
        for split in splits
        for image, name in zip(split["image"], split["file"], strict=True)
        if name == "cat/frames.png"
    ]
    np.testing.assert_array_equal(image, first)
