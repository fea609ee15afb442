"""Mistakes in a file of texts are reported by line, and no half-written output remains."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.config.errors import UserError
from pipelines.preparation import text_files, validation
from pipelines.spec import DataSpec, Field, Target
from pipelines.stages import prepare
from pipelines.storage import arrays
from tests.support.user_errors import check

pytestmark = pytest.mark.usefixtures("empty_folder")

PARAMS = Path("params.yaml")
PREPARED = Path("data/prepared")


def spelt(number: int) -> str:
    """A number in letters: texts that differ in digits alone count as near-copies."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


def rows(count: int = 40, labels: str = "ham spam") -> list[str]:
    """Distinct lines, the labels in turn."""
    names = labels.split()
    texts = [" ".join(f"w{spelt(n)}x{end}" for end in "pqrs") for n in range(count)]
    return [f"{names[n % len(names)]},{text}" for n, text in enumerate(texts)]


def write(lines: list[str], encoding: str = "utf-8") -> None:
    Path("texts.csv").write_bytes(("\n".join(lines) + "\n").encode(encoding))


def run(source: str = "texts.csv", **options) -> DataSpec:
    dataset = {"recipe": "text_csv", "source": source, "options": options}
    PARAMS.write_text(yaml.safe_dump({"seed": 1, "datasets": {"sms": dataset}}), "utf-8")
    prepare.run(PARAMS, "sms")
    return DataSpec.load(PREPARED / "sms/spec.json")


def refused(**options) -> UserError:
    with pytest.raises(UserError) as caught:
        run(**options)
    assert not PREPARED.exists() or not list(PREPARED.iterdir())
    return caught.value


def total() -> int:
    parts = [arrays.read(PREPARED / f"sms/repeat0/{part}") for part in prepare.SPLITS]
    return sum(len(part["text"]) for part in parts)


def test_a_good_file_is_taken_whole():
    write(["label,text", *rows()])
    spec = run(positive="spam")
    assert (spec.labels, spec.positive_id, spec.outputs) == (("ham", "spam"), 1, 2)
    assert total() == 40


def test_a_missing_file():
    check(refused(), "file-missing", path="texts.csv")


def test_a_folder_in_place_of_a_file():
    Path("texts.csv").mkdir()
    check(refused(), "source-is-folder", path="texts.csv", key="files")


def packed() -> None:
    Path("texts.csv.gz").write_bytes(gzip.compress(Path("texts.csv").read_bytes()))


def test_a_packed_file_is_read_as_the_file_in_it():
    write(["label,text", *rows()])
    spec = run()
    packed()
    assert run(source="texts.csv.gz").digests == spec.digests


def test_half_a_packed_file():
    write(["label,text", *rows()])
    packed()
    whole = Path("texts.csv.gz").read_bytes()
    Path("texts.csv.gz").write_bytes(whole[: len(whole) // 2])
    check(refused(source="texts.csv.gz"), "gzip-damaged", path="texts.csv.gz")


def test_a_packed_file_too_large_to_unpack(monkeypatch):
    monkeypatch.setattr(text_files, "MAX_UNPACKED_BYTES", 1000)
    write(["label,text", *rows(200)])
    packed()
    check(refused(source="texts.csv.gz"), "file-too-large", path="texts.csv.gz")


@pytest.mark.parametrize("content", [b"", b"\n\n", b" \t\r\n"])
def test_an_empty_file(content):
    Path("texts.csv").write_bytes(content)
    check(refused(), "file-empty", path="texts.csv")


@pytest.mark.parametrize("content", [b"label,text\n", b"\xef\xbb\xbflabel,text", b"\xef\xbb\xbf"])
def test_a_header_and_nothing_below(content):
    Path("texts.csv").write_bytes(content)
    check(refused(), "rows-missing", path="texts.csv")


CSV = {"path": "texts.csv"}


@pytest.mark.parametrize(
    ("options", "code", "fields"),
    [
        ({"text": "txt"}, "column-missing", CSV | {"line": 1, "key": "text", "value": "txt"}),
        ({"label": "class"}, "column-missing", CSV | {"line": 1, "key": "label", "value": "class"}),
        ({"text": 2}, "column-missing", CSV | {"line": 1, "key": "text", "value": 2}),
        ({"label": -1}, "column-missing", CSV | {"line": 1, "key": "label", "value": -1}),
        ({"header": False}, "header-missing", CSV | {"line": None, "value": "text"}),
        ({"delimiter": "\t"}, "column-missing", CSV | {"line": 1, "value": "text"}),
        ({"delimiter": ";", "text": 1, "label": 0, "header": True}, "column-missing",
         CSV | {"value": 1}),
        ({"encoding": "utf8mb4"}, "encoding-unknown", CSV | {"value": "utf8mb4"}),
        ({"encoding": "hex"}, "encoding-unknown", CSV | {"key": "encoding", "value": "hex"}),
        ({"encoding": "ascii"}, "encoding-wrong", CSV | {"line": 3, "value": "c3"}),
        ({"positive": "Spam"}, "positive-missing", CSV | {"key": "positive", "value": "Spam"}),
        ({"split": {"test": 41}}, "split-size", {"key": "split.test", "value": 41}),
        ({"split": {"val": 5000}}, "split-size", {"key": "split.val", "value": 5000}),
        ({"split": {"test": 0.01}}, "split-size", {"key": "split.test", "value": 0.01}),
        ({"split": {"method": "file_order", "test": 0.01}}, "split-size", {"key": "split.test"}),
        ({"split": {"val": 0.6, "test": 0.4}}, "class-missing",
         CSV | {"key": "split.train", "value": "ham"}),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_the_file(options, code, fields):
    write(["label,text", *rows()[:1], "ham,caf\u00e9 au lait", *rows()[1:]])
    check(refused(**options), code, **fields)


def test_a_duplicate_column_name():
    write(["label,text,text", *(f"{line},x" for line in rows())])
    check(refused(), "column-ambiguous", path="texts.csv", line=1, key="text", value="text")


@pytest.mark.parametrize("line", [2, 3, 41])
def test_bytes_that_are_not_utf8_are_named_by_line(line):
    lines = ["label,text", *rows()]
    lines[line - 1] += "\u00e9"
    write(lines, "latin-1")
    check(refused(), "encoding-wrong", path="texts.csv", line=line, value="e9")
    run(encoding="latin-1")
    assert total() == 40


@pytest.mark.parametrize("name", ["utf-8", "UTF_8", "utf8", "U8", "utf-8-sig"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(name):
    write(["\ufefflabel,text", *rows()])
    run(encoding=name)
    assert total() == 40


def test_a_byte_order_mark_is_no_part_of_the_first_label():
    write(["\ufeff" + rows()[0], *rows()[1:]])
    assert run(encoding="utf8", header=False, label=0, text=1).labels == ("ham", "spam")


@pytest.mark.parametrize("name", ["utf-16", "utf-32", "cp1252"])
def test_other_encodings(name):
    write(["label,text", *rows(), "ham,d\u00e9j\u00e0 vu"], name)
    run(encoding=name)
    parts = [arrays.read(PREPARED / f"sms/repeat0/{part}") for part in prepare.SPLITS]
    assert "d\u00e9j\u00e0 vu" in [text for part in parts for text in part["text"]]


@pytest.mark.parametrize("line", [1, 5])
def test_nul_bytes(line):
    lines = ["label,text", *rows()]
    lines[line - 1] += "\0"
    write(lines)
    check(refused(), "nul-character", path="texts.csv", line=line)


def test_another_encoding_taken_for_utf8():
    Path("texts.csv").write_bytes("\n".join(["label,text", *rows()]).encode("utf-16-le"))
    check(refused(), "nul-character", path="texts.csv", line=1)


def test_one_class_only():
    write(["label,text", *rows(labels="ham")])
    check(refused(), "class-count", path="texts.csv", value="ham")


def test_positive_is_for_two_classes():
    write(["label,text", *rows(60, "ham spam news")])
    error = refused(positive="spam")
    check(error, "class-count", path="texts.csv", key="positive", value="spam")
    assert run().labels == ("ham", "news", "spam")


def test_a_class_too_rare_for_every_part():
    write(["label,text", *rows(40, "ham"), *[f"spam,x{spelt(n)} y{spelt(n)}" for n in range(2)]])
    error = refused(split={"val": 0.2, "test": 0.2})
    check(error, "class-missing", path="texts.csv", value="spam")


def test_a_class_missing_at_the_end_of_the_file():
    write(["label,text", *rows(30), *[f"ham,x{spelt(n)} y{spelt(n)}" for n in range(10)]])
    error = refused(split={"method": "file_order", "test": 10})
    check(error, "class-missing", path="texts.csv", key="split.test", value="spam")


def test_more_folds_than_rows_of_a_class():
    write(["label,text", *rows(40, "ham"), *[f"spam,x{spelt(n)} y{spelt(n)}" for n in range(4)]])
    error = refused(split={"method": "folds", "folds": 5, "val": 0.2})
    check(error, "class-missing", path="texts.csv", value="spam")


def test_copies_with_conflicting_labels_are_named_by_both_lines():
    write(["label,text", *rows(), "spam,  Waxp waxQ\twaxr  waxs "])
    error = refused()
    check(error, "label-conflict", path="texts.csv", line=42, value="spam")
    assert "texts.csv, line 2," in error.message


def test_copies_are_dropped():
    write(["label,text", *rows(), *rows()[:6], "HAM".lower() + ",WAXP  waxq waxr waxs"])
    run()
    assert total() == 40


@pytest.mark.parametrize("copy", [0, 7])
def test_a_text_in_two_parts(copy):
    write(["label,text", *rows(), rows()[copy]])
    options = {"duplicates": "keep", "split": {"method": "file_order", "test": 11, "val": 10}}
    check(
        refused(**options), "split-overlap",
        path="texts.csv", line=copy + 2, value="texts.csv, line 42",
    )  # fmt: skip
    run(**options, overlap="report")
    assert total() == 41


@pytest.mark.parametrize("line", ["ham", "ham,a,b", "ham,unquoted text, with a comma"])
@pytest.mark.parametrize("header", [True, False])
def test_rows_of_another_length(line, header):
    """Without a header as well: the end of a text must not be cut off in silence."""
    lines = ["label,text", *rows()] if header else rows()
    write([*lines[:5], line, *lines[5:]])
    names = {} if header else {"header": False, "label": 0, "text": 1}
    count = line.count(",") + 1
    check(refused(**names), "column-count", path="texts.csv", line=6, value=count)


@pytest.mark.parametrize(("before", "line"), [(0, 2), (7, 9), (40, 42)])
def test_an_unbalanced_quote_is_named_by_the_line_it_opens_on(before, line):
    write(["label,text", *rows()[:before], 'ham,"and then she said', *rows()[before:]])
    check(refused(), "csv-invalid", path="texts.csv", line=line)


def test_text_after_a_closing_quote():
    write(["label,text", *rows()[:3], 'ham,"yes" she said', *rows()[3:]])
    check(refused(), "csv-invalid", path="texts.csv", line=5)


@pytest.mark.parametrize("line", ["ham,", "ham,   ", 'ham," \t"', ",some words", "  ,some words"])
def test_an_empty_cell(line):
    write(["label,text", *rows()[:8], line, *rows()[8:]])
    what = "text" if line.startswith("ham") else "label"
    check(refused(), f"{what}-empty", path="texts.csv", line=10, key="empty")


def test_lines_are_counted_through_blank_lines_and_quoted_line_breaks():
    write(["label,text", "", *rows()[:2], 'ham,"one\ntwo\n\nthree"', "", *rows()[2:], "spam,"])
    check(refused(), "text-empty", path="texts.csv", line=48)
    write(["label,text", "", *rows()[:2], 'ham,"one\ntwo\n\nthree"', "", *rows()[2:]])
    run()
    parts = [arrays.read(PREPARED / f"sms/repeat0/{part}") for part in prepare.SPLITS]
    lines = {
        text: line for part in parts for text, line in zip(part["text"], part["line"], strict=True)
    }
    assert lines["one\ntwo\n\nthree"] == 5
    assert lines["wcxp wcxq wcxr wcxs"] == 10


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends(end):
    Path("texts.csv").write_bytes(end.join(["label,text", *rows()]).encode())
    run()
    assert total() == 40


def test_a_refusal_leaves_what_was_prepared_before():
    write(["label,text", *rows()])
    run()
    before = arrays.digest(PREPARED)
    write(["label,text", *rows(), "ham"])
    with pytest.raises(UserError):
        run()
    assert arrays.digest(PREPARED) == before
    assert [path.name for path in PREPARED.iterdir()] == ["sms"]


def columns(**changes):
    good = {
        "words": np.array([[2, 3, 0], [9, 0, 0]], np.int32),
        "level": np.array([[0.5], [1.5]], np.float32),
        "label": np.array([0, 2], np.int32),
        "text": ["a b", "c"],
    }
    return good | changes


SPEC = DataSpec(
    inputs={
        "words": Field.token_ids(3, 10),
        "level": Field((1,), "float32", "metre"),
    },
    target=Target.class_id("label", 3),
    outputs=3,
    request_inputs=("text",),
    labels=("a", "b", "c"),
)


def test_arrays_within_their_spec():
    validation.within_spec(Path("part"), columns(), SPEC)
    none = {name: array[:0] for name, array in columns().items()}
    validation.within_spec(Path("part"), none, SPEC)


@pytest.mark.parametrize(
    ("name", "array", "code", "value"),
    [
        ("level", np.array([[1], [np.nan]], np.float32), "value-not-finite", 1),
        ("level", np.array([[-np.inf], [1]], np.float32), "value-not-finite", 0),
        ("level", np.array([[1], [1]], np.float64), "array-mismatch", ["float64", 1]),
        ("level", np.array([1, 1], np.float32), "array-mismatch", ["float32"]),
        ("words", np.array([[2, 3, 10]], np.int32), "value-out-of-range", 10),
        ("words", np.array([[2, -1, 0]], np.int32), "value-out-of-range", -1),
        ("words", np.array([[2, 3, 0]], np.int64), "array-mismatch", ["int64", 3]),
        ("words", np.zeros((2, 4), np.int32), "array-mismatch", ["int32", 4]),
        ("words", np.zeros((2, 3, 1), np.int32), "array-mismatch", ["int32", 3, 1]),
        ("label", np.array([0, 3], np.int32), "value-out-of-range", 3),
        ("label", np.array([-1, 0], np.int32), "value-out-of-range", -1),
        ("label", np.array([0.0, 1.0]), "array-mismatch", ["float64"]),
    ],
)
def test_arrays_outside_their_spec(name, array, code, value):
    with pytest.raises(UserError) as error:
        validation.within_spec(Path("part"), columns(**{name: array}), SPEC)
    assert (error.value.code, error.value.path) == (code, f"part/{name}.npy")
    assert error.value.value == value


@pytest.mark.parametrize(
    ("target", "good", "bad", "code"),
    [
        (Target.class_id("y", 4, (2, 3)), np.full((2, 2, 3), 3, np.int32), 4, "value-out-of-range"),
        (Target((5,), "uint8", "mask", 2, kind="class", name="y"), np.ones((2, 5), np.uint8), 2,
         "value-out-of-range"),
        (Target((), "float32", "kg", name="y"), np.ones(2, np.float32), np.nan, "value-not-finite"),
        (Target.token_ids(4, 9, name="y"), np.zeros((2, 4), np.int32), 9, "value-out-of-range"),
    ],
)  # fmt: skip
def test_a_target_of_any_shape_is_checked(target, good, bad, code):
    """A class a position, a mask, a number, token ids."""
    spec = replace(SPEC, target=target)
    validation.within_spec(Path("part"), columns(y=good), spec)
    wrong = good.copy()
    wrong.flat[-1] = bad
    with pytest.raises(UserError) as error:
        validation.within_spec(Path("part"), columns(y=wrong), spec)
    assert (error.value.code, error.value.path) == (code, "part/y.npy")


@pytest.mark.parametrize("name", ["words", "level", "label", "text"])
def test_an_array_of_the_spec_that_is_not_there(name):
    present = columns()
    del present[name]
    with pytest.raises(UserError) as error:
        validation.within_spec(Path("part"), present, SPEC)
    assert (error.value.code, error.value.path, error.value.key) == ("array-missing", "part", name)


def test_empty_texts_are_counted_and_dropped_on_request(capsys):
    lines = ["label,text", "ham,", *rows()[:8], *["spam, "] * 6, ",words", *rows()[8:]]
    write(lines)
    error = refused()
    check(error, "text-empty", path="texts.csv", line=2, key="empty", value=8)
    assert "lines 2, 11, 12, 13, 14, ..." in error.message
    write(["label,text", *rows()])
    digests = run().digests
    write(lines)
    run(empty="drop")
    assert "8 dropped" in capsys.readouterr().out
    assert len(digests) == 3


def test_rows_of_blank_cells_and_trailing_separators(capsys):
    plain = [row.replace(",", ";", 1) for row in rows()]
    write(["label;text", *plain])
    digests = run(delimiter=";").digests
    for header in ("label;text", "label;text;;"):
        write([header, *(row + ";" * (n % 3) for n, row in enumerate(plain)), ";", ";;;;"])
        assert run(delimiter=";").digests == digests
        assert "2 blank rows passed over" in capsys.readouterr().out
    write(["label;text", *plain, "ham;a;b"])
    with pytest.raises(UserError) as error:
        run(delimiter=";")
    check(error.value, "column-count", line=len(plain) + 2, value=3)


def test_a_text_longer_than_a_field_of_the_csv_module():
    write(["label,text", *rows(), "ham," + "long " * 60_000])
    run()


@pytest.mark.parametrize("twin", ["Ham", "h\u0430m", "ham\u200b", "HAM", "\uff48am"], ids=ascii)
def test_labels_that_look_alike_are_named_with_their_counts(twin, capsys):
    write(["label,text", *rows(60, f"ham spam {twin}")])
    assert len(run().labels) == 3
    printed = capsys.readouterr().out
    assert f"'ham' (20 rows), {ascii(twin)} (20 rows)" in printed or (
        f"{ascii(twin)} (20 rows), 'ham' (20 rows)" in printed
    )
    write(["label,text", *rows(60, "ham spam eggs")])
    run()
    assert "warning" not in capsys.readouterr().out


def test_spaces_around_labels_are_no_part_of_them():
    write(["label,text", *rows(60, "ham spam \u00a0ham")])
    assert run().labels == ("ham", "spam")


def test_columns_by_position_need_the_option_header():
    write(rows())
    error = refused(text=1, label=0)
    check(error, "value-invalid", key="datasets.sms.options")
    assert "header: false" in error.message and "header: true" in error.message
    run(text=1, label=0, header=False)
    assert total() == 40
    run(text=1, label=0, header=True)
    assert total() == 39


def test_a_class_of_near_copies_is_named_as_the_cause():
    words = "one and the same text with many words of which the last alone is another"
    write(["label,text", *rows(60, "ham spam"), *(f"eggs,{words} {n}" for n in "abcdefgh")])
    error = refused()
    check(error, "class-missing", path="texts.csv", value="eggs")
    assert "8 rows are 1 groups of near-copies" in error.message
    write(["label,text", *rows(60, "ham spam"), "eggs,one of its kind"])
    assert "near-copies" not in refused().message
