"""`init`: what it takes files for, what it asks, and blocks that load and prepare as written."""

import builtins
import csv
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from pipelines.commands import init, init_portfolio, init_texts, init_writer
from pipelines.commands.init_templates import Plan
from pipelines.config import loader, search_path
from pipelines.config.errors import UserError
from pipelines.preparation.inspection import times as time_formats
from pipelines.preparation.inspection.questions import Answers
from pipelines.spec import DataSpec
from pipelines.stages import prepare

PARAMS = Path("params.yaml")
ROOT = Path(__file__).parents[2]
WORDS = "river stone cloud garden window letter market bridge winter silver".split()


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def sentence(number: int, extra: str = "") -> str:
    """Texts that are no near-copies of one another."""
    rng = np.random.default_rng(number)
    letters = "".join(chr(97 + int(digit)) for digit in str(number))
    return f"{extra}{letters} " + " ".join(
        f"{word}{letters}" for word in rng.permutation(WORDS)[:5]
    )


def table(path: str, rows, header=None, delimiter=",", encoding="utf-8") -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerows([header, *rows] if header else rows)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(stream.getvalue(), encoding)
    return path


def reviews(count: int = 60) -> list[list[str]]:
    return [[sentence(n), ("good", "bad")[n % 2]] for n in range(count)]


def days(count: int, form="%Y-%m-%d", value=lambda n: f"{n % 7 + n / 10:.2f}", **dates) -> list:
    times = pd.date_range("2021-01-01", periods=count, **dates)
    return [[time.strftime(form), value(n)] for n, time in enumerate(times)]


def images(root: str, sides=(30, 20), splits=("",), count=8) -> str:
    rng = np.random.default_rng(0)
    for split in splits:
        for label in ("cat", "dog"):
            folder = Path(root, split, label)
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 255, (*sides, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return root


def zipped(root: str) -> str:
    with zipfile.ZipFile(f"{root}.zip", "w") as archive:
        for path in sorted(Path(root).rglob("*")):
            archive.write(path)
    return f"{root}.zip"


def run(*arguments: str) -> dict:
    """Runs init without questions; every data set it has written is prepared as `dvc repro` would.

    Returns the values of the params file."""
    init.run([*map(str, arguments), "--yes"])
    params = loader.load(PARAMS)
    assert params.experiments
    for key in params.datasets:
        prepare.run(PARAMS, key)
    return yaml.safe_load(PARAMS.read_text("utf-8"))


def refused(*arguments: str) -> UserError:
    before = PARAMS.read_bytes() if PARAMS.exists() else None
    with pytest.raises(UserError) as error:
        init.run([*map(str, arguments), "--yes"])
    assert before == (PARAMS.read_bytes() if PARAMS.exists() else None)
    assert not Path("sources").exists()
    return error.value


def options(values: dict, key: str) -> dict:
    return values["datasets"][key]["options"]


def spec(key: str) -> DataSpec:
    return DataSpec.load(Path("data/prepared") / key / "spec.json")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_texts_of_any_delimiter(delimiter):
    values = run(table("reviews.csv", reviews(), ["text", "label"], delimiter))
    assert options(values, "reviews").get("delimiter", ",") == delimiter
    assert values["datasets"]["reviews"]["source"] == "reviews.csv"
    assert spec("reviews").labels == ("bad", "good")
    assert 3 <= len(values["experiments"]) <= 4
    first = next(iter(values["experiments"]))
    assert values["experiments"][first]["module"] == "classical/linear_text"
    assert values["baselines"]["reviews"]["strong"] == first


def test_texts_without_a_header_and_with_quotes_that_do_not_match():
    rows = [f"{('ham', 'spam')[n % 3 == 0]}\t{sentence(n)}" for n in range(60)]
    rows[7] = rows[7].replace("\t", '\t"')
    Path("sms.txt").write_text("\n".join(rows) + "\n")
    values = run("sms.txt")
    written = options(values, "sms")
    assert (written["header"], written["quoting"], written["positive"]) == (False, False, "spam")
    assert (written["text"], written["label"]) == (1, 0)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_encodings(encoding):
    rows = [[f"{text} café übel", label] for text, label in reviews()]
    values = run(table("reviews.csv", rows, ["text", "label"], ";", encoding))
    written = options(values, "reviews").get("encoding", "utf-8")
    assert written == encoding.removesuffix("-sig")


def test_an_encoding_with_several_readings():
    rows = [[f"{text} превосходный фильм", label] for text, label in reviews()]
    table("reviews.csv", rows, ["text", "label"], encoding="cp1251")
    error = refused("reviews.csv")
    assert (error.code, error.line, error.key) == ("ambiguous-encoding", 2, "--encoding")
    assert "cp1251" in error.value
    assert options(run("reviews.csv", "--encoding", "cp1251"), "reviews")["encoding"] == "cp1251"


def test_excel():
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["text", "label"])
    for row in reviews():
        book.active.append(row)
    book.save("reviews.xlsx")
    values = run("reviews.xlsx")
    assert values["datasets"]["reviews"]["source"] == "sources/reviews.csv"
    assert Path("sources/reviews.csv").read_text().splitlines()[0] == "text,label"


def test_excel_sheets_are_asked():
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("more")):
        for row in days(60):
            sheet.append([*row])
    book.save("two.xlsx")
    assert refused("two.xlsx").code == "ambiguous-sheet"


@pytest.mark.parametrize("lines", [True, False])
def test_json(lines):
    frame = pd.DataFrame(reviews(), columns=["text", "label"])
    frame.to_json("reviews.json", orient="records", lines=lines)
    assert run("reviews.json")["datasets"]["reviews"]["source"] == "sources/reviews.csv"


def test_parquet():
    times = pd.date_range("2024-01-01", periods=400, freq="h")
    load = np.random.default_rng(0).normal(20, 3, 400)
    pd.DataFrame({"time": times, "load": load}).to_parquet("load.parquet")
    values = run("load.parquet")
    assert options(values, "load")["frequency"] == "h"
    assert options(values, "load")["season_steps"] == 24


def test_hourly_series_with_gaps_missing_cells_and_sentinels():
    rows = days(600, "%d.%m.%Y %H:%M", lambda n: f"{n % 24},{n % 10}", freq="h")
    rows[40][1], rows[50][1] = "n/a", "-9999"
    rows = [[*row, "7"] for n, row in enumerate(rows) if n not in (100, 101)]
    values = run(table("power.csv", rows, ["Zeit", "Last (kW)", "Zaehler"], ";"))
    written = options(values, "power")
    assert written["time_format"] == "%d.%m.%Y %H:%M"
    assert written["values"] == {"Last (kW)": "kW"}
    assert (written["decimal"], written["frequency"]) == (",", "h")
    assert {"n/a", "-9999"} <= set(written["missing"])
    assert written["longest_gap_steps"] == 2
    assert values["datasets"]["power"]["source"] == "power.csv"


@pytest.mark.parametrize(
    ("form", "dates", "frequency", "season"),
    [
        ("%Y-%m", {"freq": "MS"}, "MS", 12),
        ("%d/%m/%Y", {"freq": "ME"}, "ME", 12),
        ("%Y-%m-%d", {"freq": "W-SAT"}, "W-SAT", 52),
        ("%Y-%m-%d", {"freq": "B"}, "B", 5),
        ("%Y-%m-%dT%H:%M:%SZ", {"freq": "15min"}, "15min", 96),
        ("%b %Y", {"freq": "MS"}, "MS", 12),
        ("%m/%d/%Y %I:%M %p", {"freq": "h"}, "h", 24),
    ],
)
def test_steps_of_series(form, dates, frequency, season):
    values = run(table("series.csv", days(420, form, **dates), ["when", "value"]))
    assert options(values, "series")["frequency"] == frequency
    assert options(values, "series")["season_steps"] == season


def test_a_short_monthly_series():
    written = options(run(table("a.csv", days(100, freq="MS"), ["month", "sold"])), "a")
    assert written["horizon_steps"] <= 10
    assert written["season_steps"] <= written["history_steps"]


def test_columns_of_year_month_and_day():
    rows = [
        [str(n + 1), time.year, time.month, time.day, f"{n % 9}.5"]
        for n, time in enumerate(pd.date_range("2020-01-01", periods=200))
    ]
    values = run(table("a.csv", rows, ["No", "year", "month", "day", "pm2.5"]))
    assert options(values, "a")["time"] == ["year", "month", "day"]
    assert list(options(values, "a")["values"]) == ["pm2.5"]


def test_a_date_and_a_clock_in_two_columns():
    # As in the Air Quality data of UCI: empty last columns, blank rows, -200 for no value.
    rows = [
        [f"{t:%d/%m/%Y}", f"{t:%H.%M.%S}", f"{n % 24},5", str(600 + n % 50), "", ""]
        for n, t in enumerate(pd.date_range("2004-03-10 18:00", periods=500, freq="h"))
    ]
    rows[30][3] = rows[31][3] = "-200"
    header = ["Date", "Time", "CO(GT)", "S1", "", ""]
    values = run(table("air.csv", [*rows, [""] * 6], header, ";"))
    assert options(values, "air")["frequency"] == "h"
    assert options(values, "air")["longest_gap_steps"] == 2
    rows = [[*row[:4]] for row in rows]
    values = run(table("plain.csv", rows, header[:4], ";"))
    assert options(values, "plain")["time"] == ["Date", "Time"]
    assert options(values, "plain")["time_format"] == "%d/%m/%Y %H.%M.%S"


def test_day_or_month_first_is_refused_with_both_readings():
    rows = [["01/02/2020", "1"], ["02/03/2020", "2"], ["03/04/2020", "3"]]
    table("a.csv", rows, ["date", "value"])
    error = refused("a.csv")
    assert (error.code, error.line, error.key) == ("ambiguous-time-format", 2, "--time-format")
    assert set(error.value) == {"%d/%m/%Y", "%m/%d/%Y"}


def test_day_first_where_a_cell_or_the_order_tells():
    rows = days(60, "%m/%d/%Y")
    assert options(run(table("a.csv", rows, ["t", "v"])), "a")["time_format"] == "%m/%d/%Y"
    # The first twelve days of each month: in this order by one reading alone.
    cells = [f"{day:02}/{month:02}/2020" for month in range(1, 13) for day in range(1, 13)]
    lines = list(range(2, 2 + len(cells)))
    form = time_formats.time_format(cells, lines, "t", Path("a.csv"), Answers({}))
    assert form.format == "%d/%m/%Y"


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_one_thousand_or_one_point_is_refused_with_both_readings(delimiter):
    rows = days(120, value=lambda n: f"1.{n + 100}" if n % 3 else "775")
    table("kwh.csv", rows, ["time", "kWh"], delimiter)
    error = refused("kwh.csv")
    assert (error.code, error.line, error.key) == ("ambiguous-decimal", 3, "--decimal")
    assert error.value == [".", ","]
    values = run("kwh.csv", "--decimal", ",")
    assert values["datasets"]["kwh"]["source"] == "sources/kwh.csv"
    cells = [row.split(",")[1] for row in Path("sources/kwh.csv").read_text().splitlines()]
    assert cells[1:4] == ["775.0", "1101.0", "1102.0"]
    again = run("kwh.csv", "--decimal", ".", "--name", "small")
    assert options(again, "small").get("decimal", ".") == "."


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (("1.234,5", "2,25"), 1234.5), (("1,234.5", "2.25"), 1234.5), (("1 234,5", "0,5"), 1234.5),
        (("1'234.5", "2.5"), 1234.5), (("1.234.567", "5"), 1234567.0),
    ],
)  # fmt: skip
def test_thousands_separators_that_have_one_reading(cells, first):
    rows = days(120, value=lambda n: cells[0] if n == 0 else cells[1][:-1] + str(n % 10))
    run(table("a.csv", rows, ["time", "x"], ";"))
    line = Path("sources/a.csv").read_text().splitlines()[1]
    assert float(line.split(",")[1]) == first


def test_rows_in_reverse_order_and_a_title_are_converted():
    rows = [["Station 12", ""], ["time", "x"], *reversed(days(90))]
    values = run(table("a.csv", rows))
    assert values["datasets"]["a"]["source"] == "sources/a.csv"
    assert Path("sources/a.csv").read_text().splitlines()[1].startswith("2021-01-01")


def test_quarters_seconds_since_1970_and_a_row_of_units():
    rows = [[f"{1990 + n // 4}Q{n % 4 + 1}", f"{n % 7}.5"] for n in range(120)]
    written = options(run(table("gdp.csv", rows, ["quarter", "gdp"])), "gdp")
    assert written["frequency"].startswith("QS")
    rows = [[str(1_700_000_000 + 3600 * n), f"{n % 7}.5"] for n in range(400)]
    assert options(run(table("a.csv", rows, ["timestamp", "x"])), "a")["frequency"] == "h"
    rows = [["", "degC"], *days(200)]
    assert options(run(table("b.csv", rows, ["time", "x"])), "b")["values"] == {"x": "degC"}


def test_decimal_commas_do_not_make_a_comma_the_delimiter():
    rows = days(600, "%Y-%m-%d %H:%M", lambda n: f"{n % 24},{n % 90 + 10}", freq="h")
    lines = ["Zeit;kW", *(";".join(row) for row in rows)]
    Path("a.csv").write_text("\n".join(lines) + "\n")
    written = options(run("a.csv"), "a")
    assert (written["delimiter"], written["decimal"]) == (";", ",")


def test_a_header_above_a_column_of_labels():
    rows = [[sentence(n), ("games", "science")[n % 2]] for n in range(60)]
    values = run(table("a.csv", rows, ["description", "section"]))
    assert options(values, "a")["text"] == "description"
    assert options(values, "a")["label"] == "section"


def test_a_header_of_short_names_above_long_texts():
    table("a.csv", reviews(), ["Kommentar", "Stimmung"], ";")
    assert options(run("a.csv"), "a")["text"] == "Kommentar"


def test_an_hour_that_occurs_twice_is_asked():
    rows = days(300, "%Y-%m-%d %H:%M", freq="h")
    rows.insert(51, [rows[50][0], "99.5"])
    table("a.csv", rows, ["time", "x"])
    error = refused("a.csv")
    assert (error.code, error.line) == ("ambiguous-duplicates", 53)
    run("a.csv", "--duplicates", "mean")


def test_several_series_in_one_file():
    rows = [[*row, city] for city in ("Oslo", "Rome") for row in days(80)]
    table("a.csv", rows, ["time", "x", "city"])
    error = refused("a.csv")
    assert (error.code, error.value) == ("ambiguous-series", ["Oslo", "Rome"])
    run("a.csv", "--series", "Rome")


def test_a_long_gap_is_asked():
    rows = days(400)
    table("a.csv", rows[:150] + rows[190:], ["time", "x"])
    assert refused("a.csv").code == "ambiguous-gaps"
    assert options(run("a.csv", "--gaps", "after"), "a")["rows"] == [151, 360]


def test_which_column_is_the_label_is_asked():
    rows = [[*row, ("de", "fr", "en")[n % 3]] for n, row in enumerate(reviews())]
    table("a.csv", rows, ["comment", "mood", "place"])
    error = refused("a.csv")
    assert (error.code, error.key, error.value) == ("ambiguous-label", "--label", ["mood", "place"])
    assert options(run("a.csv", "--label", "place"), "a")["label"] == "place"
    error = refused_later("a.csv", "--label", "plaec")
    assert (error.code, error.value) == ("column-missing", "plaec")


def refused_later(*arguments: str) -> UserError:
    with pytest.raises(UserError) as error:
        init.run([*arguments, "--yes"])
    return error.value


def test_labels_of_one_name_and_texts_of_two_labels_are_asked():
    rows = reviews()
    rows[3][1] = "BAD "
    rows.append([rows[0][0], "bad"])
    table("a.csv", rows, ["text", "label"])
    assert refused("a.csv").code == "ambiguous-label-variants"
    assert refused("a.csv", "--label-variants", "merge").code == "ambiguous-conflicts"
    values = run("a.csv", "--label-variants", "merge", "--conflicts", "drop")
    assert values["datasets"]["a"]["source"] == "sources/a.csv"
    assert spec("a").labels == ("bad", "good")


def test_blank_rows_and_empty_texts_are_left_out():
    rows = [*reviews(), ["", "good"], ["", ""], ["", ""]]
    run(table("a.csv", rows, ["text", "label"], ";"))
    assert len(Path("sources/a.csv").read_text().splitlines()) == 61


def test_rare_classes_are_asked():
    rows = [*reviews(), [sentence(900), "ugly"], [sentence(901), "ugly"]]
    table("a.csv", rows, ["text", "label"])
    assert refused("a.csv").code == "ambiguous-rare-classes"
    run("a.csv", "--rare-classes", "drop")
    assert spec("a").labels == ("bad", "good")


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_of_images_and_a_zip_of_it(packed):
    root = images("photos")
    values = run(zipped(root) if packed else root)
    written = options(values, "photos")
    assert written["size"] == [30, 20]
    assert written["folders"] == {"all": "photos" if packed else "."}
    assert spec("photos").labels == ("cat", "dog")


def test_split_folders_are_no_classes():
    values = run(images("photos", splits=("training", "valid", "test")))
    assert options(values, "photos")["folders"] == {
        "train": "training", "val": "valid", "test": "test"
    }  # fmt: skip
    assert spec("photos").labels == ("cat", "dog")


def test_images_that_cannot_be_read():
    images("photos", count=12)
    Path("photos/cat/Thumbs.db").write_bytes(b"\0")
    assert options(run("photos", "--name", "thumbs"), "thumbs")["bad_files"] == "skip"
    Path("photos/cat/x.gif").write_bytes(b"GIF89a")
    assert options(run("photos"), "photos")["bad_files"] == "skip"
    Path("photos/bird").mkdir()
    Path("photos/bird/x.heic").write_bytes(b"\0\0\0\x18ftypheic")
    error = refused("photos")
    assert (error.code, error.value) == ("class-lost", "bird")


@pytest.mark.parametrize("linked", [False, True])
def test_class_folders_without_files_are_asked(linked):
    images("photos")
    images("elsewhere")
    if linked:
        Path("photos/bird").symlink_to(Path("elsewhere/cat").resolve())
    else:
        Path("photos/bird").mkdir()
    error = refused("photos")
    assert (error.code, error.key) == ("ambiguous-empty-classes", "--empty-classes")
    run("photos", "--empty-classes", "leave-out")
    assert spec("photos").labels == ("cat", "dog")


def test_what_systems_leave_in_folders_of_texts_is_no_text():
    for n in range(40):
        path = Path("letters", ("pos", "neg")[n % 2], f"{n}.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(sentence(n))
    Path("letters/pos/desktop.ini").write_text("[.ShellClassInfo]")
    run("letters")
    assert len(Path("sources/letters.csv").read_text().splitlines()) == 41


def test_a_zip_with_backslashes_is_refused():
    with zipfile.ZipFile("a.zip", "w") as archive:
        for n in range(3):
            entry = zipfile.ZipInfo("x/y.png")
            entry.filename = entry.orig_filename = f"cat\\{n}.png"
            archive.writestr(entry, b"\x89PNG")
    assert refused("a.zip").code == "archive-names"


def test_folders_of_texts():
    for n in range(40):
        path = Path("letters", ("test", "train")[n % 4 > 0], ("pos", "neg")[n // 4 % 2], f"{n}.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(sentence(n))
    values = run("letters")
    assert options(values, "letters")["folders"] == {"train": "train", "test": "test"}
    assert options(values, "letters")["positive"] == "pos"


def test_lines_that_begin_with_their_label():
    lines = [f"{n % 2} {sentence(n)}" for n in range(300)]
    Path("lines.txt").write_text("\n".join(lines) + "\n")
    values = run("lines.txt")
    assert values["datasets"]["lines"]["recipe"] == "text_lines"


def aligned(folder: str = "talk", names=("a.en", "a.de"), count: int = 120) -> None:
    Path(folder).mkdir()
    for name in names:
        lines = [f"{sentence(n, name[2:])}." for n in range(count)]
        Path(folder, name).write_text("\n".join(lines) + "\n")


def test_aligned_files_in_a_folder():
    aligned()
    error = refused("talk")
    assert (error.code, error.value) == ("ambiguous-pair", ["de,en", "en,de"])
    values = run("talk", "--pair", "en,de")
    assert options(values, "talk")["files"] == {"all": ["a.en", "a.de"]}


def test_two_aligned_files():
    aligned()
    Path("talk/notes.txt").write_text("not part of it\n")
    values = run("talk/a.de", "talk/a.en")
    (dataset,) = values["datasets"].values()
    assert dataset["options"]["files"] == {"all": ["a.de", "a.en"]}
    assert dataset["source"].startswith("sources/")
    Path("talk/a.en").write_text("one line\n")
    assert refused_later("talk/a.de", "talk/a.en").code == "files-not-aligned"


@pytest.mark.parametrize("quoted", [False, True])
def test_a_table_of_pairs(quoted):
    rows = [[f"{sentence(n)}.", f"{sentence(n, 'x')}."] for n in range(120)]
    if quoted:
        rows = [[f'He said "{a}"', b] for a, b in rows]
    values = run(table("pairs.tsv", rows, delimiter="\t"))
    assert values["datasets"]["pairs"]["recipe"] == "parallel_text"
    assert (values["datasets"]["pairs"]["source"] == "pairs.tsv") is not quoted
    if quoted:
        assert Path("sources/pairs.tsv").read_text().startswith('He said "')


def test_two_files_that_may_be_classes_or_translations():
    aligned("reviews", ("x.pos", "x.neg"))
    assert refused("reviews").code == "ambiguous-task"
    values = run("reviews", "--task", "text_classification")
    assert values["datasets"]["reviews"]["recipe"] == "text_lines"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.pdf", b"%PDF-1.4", "kind-unsupported"),
        ("a.xls", b"\xd0\xcf\x11\xe0" + bytes(90), "kind-unsupported"),
        ("a.csv", b"  \n", "file-empty"),
        ("a.bin", b"\1\0\2\0" * 9, "kind-unsupported"),
        ("a.zip", b"PK\3\4" + bytes(90), "archive-damaged"),
        ("a.csv", b"x,y\n1,2\n3,4\n", "task-unknown"),
        ("a.txt", b"a single line of prose\nand another one, by chance\n", "table-missing"),
    ],
)
def test_what_is_not_read(name, content, code):
    Path(name).write_bytes(content)
    error = refused(name)
    assert (error.code, error.path) == (code, name)
    assert refused("absent.csv").code == "file-missing"


@pytest.mark.parametrize(
    ("option", "value"),
    [("delimiter", "ab"), ("horizon", "0"), ("frequency", "often"), ("header", "perhaps")],
)
def test_options_that_mean_nothing(option, value):
    table("a.csv", days(60), ["time", "x"])
    error = refused("a.csv", f"--{option}", value)
    assert (error.code, error.key, error.value) == ("answer-unknown", f"--{option}", value)


def test_every_other_byte_of_the_params_file_stays():
    before = (
        "seed: 3  # mine\n\ndatasets: {}\nwarm_starts: {}\n# mine too\nexperiments:   {}  # none\n"
    )
    PARAMS.write_text(before)
    table("a.csv", days(200), ["time", "x"])
    run("a.csv")
    middle = PARAMS.read_text()
    assert middle.startswith("seed: 3  # mine\n\ndatasets:\n")
    assert "\nwarm_starts: {}\n# mine too\nexperiments:  # none\n" in middle
    run("a.csv")
    after = PARAMS.read_text()
    lines = iter(after.splitlines())
    assert all(line in lines for line in middle.splitlines())
    assert len(loader.load(PARAMS).datasets) == 2 * (middle.count("recipe:"))


def test_keys_of_other_graphs_are_taken():
    table("a.csv", reviews(), ["text", "label"])
    run("a.csv")
    Path("benchmarks").mkdir()
    PARAMS.rename("benchmarks/params.yaml")
    error = refused_later("a.csv", "--name", "a")
    assert (error.code, error.key, error.value) == ("name-unusable", "--name", "a")
    assert "a2" in run("a.csv")["datasets"]


def test_sections_in_braces_are_refused():
    text = "seed: 1\ndatasets: {a: {recipe: digits, source: x}}\n"
    with pytest.raises(UserError) as error:
        init_writer.added(text, "datasets", "  b: {}\n", PARAMS)
    assert (error.value.code, error.value.line) == ("section-in-braces", 2)
    added = init_writer.added("seed: 1", "datasets", "  b: {}\n", PARAMS)
    assert yaml.safe_load(added) == {"seed": 1, "datasets": {"b": {}}}


def test_time_limit():
    plan = Plan([], list(init_texts.TEXTS), units=5.0, train_rows=7000, classical_seconds=15)
    few, dropped = init_portfolio.portfolio(plan, 3)
    many, none_dropped = init_portfolio.portfolio(plan, 60)
    assert 1 <= len(few) < len(many) == init_portfolio.MOST
    first = init_portfolio.classical_seconds(plan)
    assert first > 15
    assert first + sum(choice.seconds for choice in few) <= 3 * 60
    assert first + sum(choice.seconds for choice in many) <= 60 * 60
    assert len(few) + len(dropped) == len(many) and not none_dropped
    with pytest.raises(UserError) as error:
        init_portfolio.portfolio(plan, 0.5)
    assert error.value.code == "minutes-few"
    enough = float(error.value.message.rsplit("--minutes ", 1)[1])
    assert init_portfolio.portfolio(plan, enough)[0]


def test_english_texts_begin_with_a_pretrained_encoder():
    table("a.csv", reviews(), ["text", "label"])
    values = run("a.csv")
    block = values["experiments"]["a_minilm"]
    assert list(values["experiments"])[:2] == ["a_classical", "a_minilm"]
    assert block["dataset"] == "a_pieces" and block["fit"]["fine_tune"]["epochs"] == 5
    start = {"dataset": "a", "weights": "data/raw/minilm", "max_tokens": 16}
    assert values["warm_starts"] == {"a_pieces": start}
    assert values["baselines"]["a_pieces"]["strong"] == "a_classical"
    root = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    assert values["downloads"] == {"minilm": root["downloads"]["minilm"]}
    table("b.csv", reviews(), ["text", "label"])
    assert run("b.csv")["downloads"] == values["downloads"]  # once


@pytest.mark.parametrize(
    "words", ["das ist nicht der Fluss und", "\u044d\u0442\u043e \u0434\u043e\u043c"]
)
def test_texts_in_other_languages_do_not(words):
    rows = [[sentence(n, f"{words} " * 30), ("good", "bad")[n % 2]] for n in range(60)]
    table("a.csv", rows, ["text", "label"])
    init.run(["a.csv", "--yes"])
    values = yaml.safe_load(PARAMS.read_text("utf-8"))
    assert not values["warm_starts"] and not values["downloads"]
    assert "a_minilm" not in values["experiments"]


def test_an_encoder_that_takes_too_long_leaves_the_others_their_place():
    templates = [init_texts.PRETRAINED, *init_texts.TEXTS]
    plan = Plan([], templates, units=5.0, train_rows=7000, classical_seconds=15)
    few, dropped = init_portfolio.portfolio(plan, 5)
    assert [choice.template.name for choice in few] == ["ngrams", "cnn"][: len(few)]
    assert dropped[0] == "minilm"
    many, _ = init_portfolio.portfolio(plan, 60)
    assert [c.template.name for c in many] == ["minilm", "ngrams", "cnn"]


def test_questions_at_the_terminal(monkeypatch, capsys):
    rows = [[*row, ("de", "fr", "en")[n % 3]] for n, row in enumerate(reviews())]
    table("a.csv", rows, ["comment", "mood", "place"])
    answers = iter(["nonsense", "2", "n"])
    monkeypatch.setattr(builtins, "input", lambda prompt: next(answers))
    init.run(["a.csv"])
    assert not PARAMS.exists()
    answers = iter(["mood", ""])
    init.run(["a.csv"])
    assert loader.load(PARAMS).datasets["a"].options["label"] == "mood"
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    monkeypatch.undo()


def test_the_report_is_written_and_shown(capsys):
    rows = [*reviews(), reviews()[0]]
    run(table("a.csv", rows, ["text", "label"]), "--report", "report")
    assert "duplicates" in Path("report/report.json").read_text()
    assert "duplicates" in capsys.readouterr().out


def test_the_front_door_hands_the_arguments_on():
    """In a process of its own: the front door sets signal handlers and variables of its process."""
    table("a.csv", reviews(), ["text", "label"])
    assert from_the_shell("--minutes", "5", "a.csv", "--yes").returncode == 0
    done = from_the_shell("absent.csv")
    assert done.returncode == 2
    assert "error[file-missing]: absent.csv" in done.stderr


def from_the_shell(*arguments: str) -> subprocess.CompletedProcess:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "pipelines", "init", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_every_written_experiment_builds():
    import models

    table("texts.csv", reviews(), ["text", "label"])
    table("hours.csv", days(600, "%Y-%m-%d %H:%M", freq="h"), ["time", "x"])
    rows = [[f"{sentence(n)}.", f"{sentence(n, 'x')}."] for n in range(120)]
    for path in ("texts.csv", "hours.csv", images("photos"), table("p.tsv", rows, None, "\t")):
        run(path)
    params = loader.load(PARAMS)
    for experiment in params.experiments.values():
        if experiment.dataset in params.warm_starts:
            continue  # its encoder would have to be fetched
        build = dict(experiment.build)
        model = models.build(
            spec(experiment.dataset), experiment.module, build.pop("builder"), **build
        )
        if search_path.is_classical(experiment.module):
            assert callable(model.fit)  # what it has is known after its fit
        else:
            assert model.count_params() > 0
