"""`python -m pipelines predict` on files of every kind, with models that are functions."""

import csv
import io
import json
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

from pipelines.commands import predict
from pipelines.commands.prediction import model as models
from pipelines.commands.prediction import series_rows
from pipelines.commands.prediction.answers import Answers
from pipelines.datasets import timeseries_csv
from pipelines.preprocessing import image_decoding
from pipelines.storage import arrays
from tests.support.project import CNN, LSTM
from tests.support.sizes import nightly
from tests.support.user_errors import user_error

LABELS = ["even", "odd"]
CLASSES = {
    "label": {"dtype": "string", "shape": [None], "kind": "label"},
    "probability": {"dtype": "float32", "shape": [None], "kind": "probability"},
    "probabilities": {"dtype": "float32", "shape": [None, 2], "kind": "probabilities"},
}
TEXT = {"text": {"dtype": "string", "shape": [None], "kind": "text"}}
IMAGE = {"image_bytes": {"dtype": "string", "shape": [None], "kind": "image"}}
SERIES = {"history": {"dtype": "float32", "shape": [None, 4, 1], "kind": "series"}}
FORECAST = {
    "forecast": {"dtype": "float32", "shape": [None, 2, 1], "kind": "series"},
    "quantiles": {"dtype": "float32", "shape": [None, 2, 1, 3], "kind": "quantiles"},
}


class Model(models.ExportedModel):
    """A function in place of a graph."""

    function = staticmethod(lambda columns: {})

    def load(self):
        self.calls.append("load")

    def predict(self, columns):
        arrays_of = {name: self._array(name, rows) for name, rows in columns.items()}
        return type(self).function(arrays_of)


def by_length(columns) -> dict:
    """Even or odd, by the length of a text or file; the graph refuses what begins with a !."""
    (values,) = columns.values()
    if any(value[:1] in ("!", b"!") for value in values):
        raise ValueError("it begins with !")
    odd = np.array([len(value) % 2 for value in values])
    shares = np.stack([1 - 0.9 * odd, 0.9 * odd], axis=1).astype(np.float32)
    labels = np.array([LABELS[n].encode() for n in odd], object)
    return {"label": labels, "probability": shares.max(axis=1), "probabilities": shares}


def naive(columns) -> dict:
    last = columns["history"][:, -1:]  # (B, 1, 1)
    forecast = np.repeat(last, 2, axis=1)
    return {"forecast": forecast, "quantiles": forecast[..., None] + np.float32([-1, 0, 1])}


@pytest.fixture
def made(monkeypatch):
    """Makes `predict` use a model of this contract; returns what was called."""

    def make(recipe, options, inputs=TEXT, outputs=CLASSES, function=by_length, **metadata):
        signature = {"serving_default": {"inputs": inputs, "outputs": outputs}}
        reading = {"schema_version": 1, "recipe": recipe, "options": options}
        contract = {"experiment": "tiny", "labels": LABELS, "signatures": signature}
        contract["reading"] = reading | {"task_metadata": metadata}
        model = type("Fake", (Model,), {"function": staticmethod(function), "calls": []})
        monkeypatch.setattr(models, "resolve", lambda name: model(name, Path("x"), contract))
        return model.calls

    return make


def rows_of(path: Path) -> list[dict]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_table_is_read_as_the_models_data_was(made, tmp_path):
    made("text_csv", {"text": "Texte", "label": "Note", "delimiter": ";", "encoding": "cp1252"})
    file, out = tmp_path / "new.csv", tmp_path / "out.csv"
    file.write_bytes('label;Texte\nx;" é;x "\n\ny;"a\nb"\n'.encode("cp1252"))
    predict.run(["tiny", str(file), "--out", str(out)])
    first, second = rows_of(out)
    assert first["Texte"] == " é;x " and first["label"] == "x"
    assert first["predicted_label"] == "odd"  # of "é;x", without spaces around it
    assert float(first["probability"]) == 0.9 and float(first["probability_odd"]) == 0.9
    assert second["Texte"] == "a\nb" and second["predicted_label"] == "odd"


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("source", [".parquet", ".xlsx", ".jsonl"])
def test_formats_of_input_and_output(made, tmp_path, source, ending):
    made("text_csv", {})
    frame = pd.DataFrame({"text": ["ab", "abc"], "n": [1, 2], "probability": [0.5, 0.25]})
    file, out = tmp_path / f"new{source}", tmp_path / f"out{ending}"
    {
        ".parquet": lambda: frame.to_parquet(file),
        ".xlsx": lambda: frame.to_excel(file, index=False),
        ".jsonl": lambda: frame.to_json(file, orient="records", lines=True),
    }[source]()
    predict.run(["tiny", str(file), "--out", str(out)])
    read = {
        ".csv": pd.read_csv,
        ".tsv": lambda path: pd.read_csv(path, sep="\t"),
        ".jsonl": lambda path: pd.read_json(path, lines=True),
        ".parquet": pd.read_parquet,
    }[ending]
    table = read(out)
    assert list(table.columns) == [
        *("text", "n", "probability", "label", "predicted_probability"),
        *("probability_even", "probability_odd"),
    ]
    assert table["label"].tolist() == ["even", "odd"]
    assert table["n"].astype(int).tolist() == [1, 2]
    assert table["predicted_probability"].tolist() == [1.0, 0.9]
    if source == ending == ".parquet":
        assert pyarrow.parquet.read_schema(out).field("n").type == "int64"


def bad_file(path: Path) -> Path:
    content = b"text,n\ngood,1\ncaf\xe9,2\na,b,c\n ,3\nfine,4\nwith\0nul,5\n"
    path.write_bytes(content + b"".join(b",%d\n" % n for n in range(4)))
    return path


def test_bad_rows_are_all_counted_and_nothing_is_written(made, tmp_path):
    calls = made("text_csv", {})
    out = tmp_path / "out.csv"
    out.write_text("as it was")
    file = bad_file(tmp_path / "new.csv")
    file.write_bytes(file.read_bytes().replace(b"with\0nul", b"x" * 5000 + b"\0nul"))
    with pytest.raises(predict.UserError) as caught:
        predict.run(["tiny", str(file), "--out", str(out)])
    assert (caught.value.code, caught.value.value) == ("rows-bad", 8)
    assert [f"line {line}:" in caught.value.message for line in (2, 3, 4, 5, 7, 8, 9)] == [
        *(False, True, True, True, True, True, False),
    ]
    assert calls == [], "the model was loaded before the rows were looked at"
    assert out.read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.csv", "out.csv"]


def test_bad_rows_are_left_out_on_demand(made, tmp_path):
    made("text_csv", {})
    out, file = tmp_path / "out.csv", bad_file(tmp_path / "new.csv")
    file.write_bytes(file.read_bytes().replace(b"with\0nul", b"good"))
    predict.run(["tiny", str(file), "--out", str(out), "--skip-bad"])
    assert [row["n"] for row in rows_of(out)] == ["1", "4", "5"]


def test_rows_that_the_graph_refuses_are_bad_as_well(made, tmp_path):
    made("text_csv", {})
    file, out = tmp_path / "new.csv", tmp_path / "out.csv"
    file.write_text("text\n" + "fine\n" * 300 + "!no\n" + "fine\n" * 9)
    with user_error("rows-bad", value=1):
        predict.run(["tiny", str(file), "--out", str(out)])
    assert not out.exists()
    predict.run(["tiny", str(file), "--out", str(out), "--skip-bad"])
    assert len(rows_of(out)) == 309


def test_lines_of_standard_input(made, tmp_path, monkeypatch, capfdbinary):
    made("text_csv", {"text": "comment"})
    stdin = io.TextIOWrapper(io.BytesIO("one\r\nzwölf, 12\n\n".encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO()))
    predict.run(["tiny", "-"])
    predict.sys.stdout.seek(0)
    rows = list(csv.DictReader(predict.sys.stdout))
    assert [row["text"] for row in rows] == ["one", "zwölf, 12"]


def test_labelled_lines_lose_their_label(made, tmp_path):
    made("text_lines", {"labels": {"0": "even", "1": "odd"}})
    file, out = tmp_path / "new.txt", tmp_path / "out.csv"
    file.write_text("0 ab\n1 abc\n")
    predict.run(["tiny", str(file), "--out", str(out)])
    assert [(row["label"], row["text"], row["predicted_label"]) for row in rows_of(out)] == [
        *(("0", "ab", "even"), ("1", "abc", "odd")),
    ]
    file.write_text("0 ab\n1 abc\nplain\n")
    with user_error("lines-ambiguous", path=str(file)):
        predict.run(["tiny", str(file), "--out", str(out)])
    file.write_text("plain\n")
    predict.run(["tiny", str(file), "--out", str(out)])
    assert [row["text"] for row in rows_of(out)] == ["plain"]


def test_sentences_of_a_table_of_pairs_by_position(made, tmp_path):
    made("parallel_text", {"source": 1, "target": 0})
    file, out = tmp_path / "new.tsv", tmp_path / "out.csv"
    file.write_text('un\tone "two"\ndeux\tabc\n')
    predict.run(["tiny", str(file), "--out", str(out)])
    assert [row["column_1"] for row in rows_of(out)] == ['one "two"', "abc"]
    assert [row["label"] for row in rows_of(out)] == ["odd", "odd"]


def test_images_of_a_folder_and_of_an_archive(made, tmp_path):
    made("image_folder", {}, inputs=IMAGE)
    folder, out = tmp_path / "images", tmp_path / "out.jsonl"
    (folder / "sub").mkdir(parents=True)
    png = image_decoding.png(np.zeros((2, 2, 3), np.uint8))
    (folder / "sub/a.png").write_bytes(png)
    (folder / "b.png").write_bytes(png + b"x")
    (folder / ".hidden.png").write_bytes(b"x")
    predict.run(["tiny", str(folder), "--out", str(out)])
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["file"] for row in rows] == ["b.png", "sub/a.png"]
    assert rows[0]["label"] != rows[1]["label"]
    (folder / "c.gif").write_bytes(b"GIF89a")
    with user_error("rows-bad", path=str(folder), value=1):
        predict.run(["tiny", str(folder), "--out", str(out)])
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for path in folder.rglob("*.png"):
            archive.write(path, path.relative_to(folder))
    predict.run(["tiny", str(tmp_path / "images.zip"), "--out", str(out)])
    assert {json.loads(line)["file"] for line in out.read_text().splitlines()} == {
        *("b.png", "sub/a.png"),
    }


OPTIONS = {
    "time": "when", "values": {"load": "MW"}, "frequency": "D", "history_steps": 4,
    "horizon_steps": 2, "decimal": ",", "delimiter": ";", "gaps": "interpolate", "rows": [1, 39],
}  # fmt: skip
METADATA = {
    "columns": ["load"], "units": ["MW"], "frequency": "D", "horizon_steps": 2,
    "quantiles": [0.1, 0.5, 0.9],
}  # fmt: skip


def series_file(path: Path, rows: int = 40) -> Path:
    days = pd.date_range("2024-01-01", periods=rows)
    cells = [f"{day:%Y-%m-%d};{n % 7},5;x" for n, day in enumerate(days) if n != 20]
    path.write_text("when;load;remark\n" + "\n".join(cells) + "\n")
    return path


def test_a_series_is_forecast_from_its_end(made, tmp_path):
    made("timeseries_csv", OPTIONS, SERIES, FORECAST, naive, **METADATA)
    out = tmp_path / "out.csv"
    predict.run(["tiny", str(series_file(tmp_path / "new.csv")), "--out", str(out)])
    assert rows_of(out) == [
        {"time": day, "forecast": "4.5", "q0.1": "3.5", "q0.5": "4.5", "q0.9": "5.5"}
        for day in ("2024-02-10", "2024-02-11")
    ]
    short = series_file(tmp_path / "short.csv", rows=3)
    with user_error("rows-missing", path=str(short), value=3):
        predict.run(["tiny", str(short)])


@pytest.mark.parametrize("ending", [".xlsx", ".parquet"])
def test_a_series_in_excel_or_parquet(made, tmp_path, ending):
    made("timeseries_csv", OPTIONS, SERIES, FORECAST, naive, **METADATA)
    days = pd.date_range("2024-01-01", periods=40)
    frame = pd.DataFrame({"when": days, "load": [n % 7 + 0.5 for n in range(40)]})
    file, out = tmp_path / f"new{ending}", tmp_path / "out.csv"
    frame.to_excel(file, index=False) if ending == ".xlsx" else frame.to_parquet(file)
    predict.run(["tiny", str(file), "--out", str(out)])
    assert [(row["time"], row["forecast"]) for row in rows_of(out)] == [
        *(("2024-02-10", "4.5"), ("2024-02-11", "4.5")),
    ]


@pytest.mark.parametrize("every", [[], ["--every", "1"]])
def test_of_a_large_series_the_last_rows_are_kept(made, tmp_path, monkeypatch, every):
    made("timeseries_csv", OPTIONS, SERIES, FORECAST, naive, **METADATA)
    out, file = tmp_path / "out.csv", series_file(tmp_path / "new.csv")
    predict.run(["tiny", str(file), "--out", str(out), *every])
    expected = out.read_text()
    monkeypatch.setattr(series_rows, "SMALL_BYTES", 0)
    monkeypatch.setattr(series_rows, "TAIL_ROWS", 6)
    predict.run(["tiny", str(file), "--out", str(out), *every])
    assert out.read_text() == expected
    monkeypatch.setattr(series_rows, "MAX_ROWS", 30)
    if every:
        with user_error("series-too-long", path=str(file), key="--every"):
            predict.run(["tiny", str(file), *every])


def test_windows_are_those_that_prepare_makes(made, tmp_path):
    seen = []

    def recorded(columns):
        seen.extend(columns["history"])
        return naive(columns)

    made("timeseries_csv", OPTIONS, SERIES, FORECAST, recorded, **METADATA)
    out, file = tmp_path / "out.csv", series_file(tmp_path / "new.csv")
    predict.run(["tiny", str(file), "--out", str(out), "--every", "1"])
    options = timeseries_csv.Options.model_validate(OPTIONS)
    timeseries_csv.prepare(options, file, tmp_path / "prepared", 1)
    test = arrays.read(tmp_path / "prepared/repeat0/test")
    first = {row["time"]: n // 2 for n, row in enumerate(rows_of(out)) if n % 2 == 0}
    windows = np.stack([seen[first[day]] for day in test["first"]])
    assert np.array_equal(windows, test["history"])
    rows = rows_of(out)
    assert [row["load"] for row in rows[-4:]] == ["4.5", "", "", ""]
    assert rows[-1]["origin"] == "2024-02-09"


KNOWN = SERIES | {
    "known_covariates": {"dtype": "float32", "shape": [None, 6, 1], "kind": "covariates"}
}


def promoted(columns) -> dict:
    """The last value, and ten more where the covariate says so."""
    answer = naive(columns)
    answer["forecast"] = answer["forecast"] + 10 * columns["known_covariates"][:, 4:]
    return answer


def promotions_file(path: Path, ahead: int) -> Path:
    """Promotions on the second day of the forecast; its rows have no load."""
    days = pd.date_range("2024-01-01", periods=10 + ahead)
    cells = [f"{d:%Y-%m-%d};{n if n < 10 else ''};{int(n == 11)}" for n, d in enumerate(days)]
    path.write_text("when;load;promotion\n" + "\n".join(cells) + "\n")
    return path


def test_known_covariates_are_read_from_the_steps_of_the_forecast(made, tmp_path):
    options = OPTIONS | {"known_covariates": ["promotion"], "gaps": "refuse", "rows": None}
    made("timeseries_csv", options, KNOWN, FORECAST, promoted, **METADATA)
    out = tmp_path / "out.csv"
    predict.run(["tiny", str(promotions_file(tmp_path / "new.csv", 3)), "--out", str(out)])
    assert [(row["time"], row["forecast"]) for row in rows_of(out)] == [
        *(("2024-01-11", "9.0"), ("2024-01-12", "19.0")),
    ]
    short = promotions_file(tmp_path / "short.csv", 1)
    with user_error("covariates-missing", path=str(short), key="known_covariates", value=1):
        predict.run(["tiny", str(short)])
    predict.run(["tiny", str(short), "--out", str(out), "--every", "1"])
    rows = rows_of(out)
    assert [row["origin"] for row in rows[-2:]] == ["2024-01-09"] * 2  # the last that can be
    assert [row["load"] for row in rows[-2:]] == ["9.0", ""]


def test_a_mask_that_is_a_file_already(tmp_path):
    outputs = {"mask_bytes": {"dtype": "string", "shape": [None], "kind": "mask"}}
    answers = Answers(outputs, [], {}, ["file"], (tmp_path, "out_masks"))
    (row,) = answers.rows("a.jpg", {"mask_bytes": b"\x89PNG"})
    assert row == {"mask_bytes": "out_masks/a.jpg.png"}
    assert (tmp_path / "a.jpg.png").read_bytes() == b"\x89PNG"


ALARM = {
    "score": {"dtype": "float32", "shape": [None], "kind": "score"},
    "anomaly": {"dtype": "bool", "shape": [None], "kind": "alarm"},
    "expected": {"dtype": "float32", "shape": [None, 2], "kind": "values"},
}


def test_every_reading_of_a_file_is_judged(made, tmp_path):
    """Labels are not asked of new readings; the last one of each window is written beside."""

    def function(columns):
        last = np.stack(columns["history"])[:, -1]
        return {"score": last[:, 0], "anomaly": last[:, 0] > 6, "expected": last + 1}

    options = {"values": {"load": "kW", "heat": "degC"}, "frequency": "D", "history_steps": 4,
               "label": "fault"}  # fmt: skip
    inputs = {"history": {"dtype": "float32", "shape": [None, 4, 2], "kind": "series"}}
    made("readings_csv", options, inputs, ALARM, function, columns=["load", "heat"],
         units=["kW", "degC"])  # fmt: skip
    file, out = tmp_path / "new.csv", tmp_path / "out.csv"
    file.write_text("time,load,heat\n" + "".join(f"2024-01-{n:02},{n},{-n}\n" for n in range(1, 9)))
    predict.run(["tiny", str(file), "--out", str(out)])
    rows = rows_of(out)
    assert [row["time"][:10] for row in rows] == [f"2024-01-{n:02}" for n in range(4, 9)]
    assert [row["anomaly"] for row in rows] == ["False"] * 3 + ["True"] * 2
    assert rows[-1]["expected_heat"] == "-7.0" and rows[-1]["load"] == "8.0"
    file.write_text("time,load,heat\n2024-01-01,1,2\n")
    with user_error("rows-missing", value=1):
        predict.run(["tiny", str(file), "--out", str(out)])


def test_masks_are_files_beside_the_table(tmp_path):
    outputs = {"mask": {"dtype": "int64", "shape": [None, 2, 2], "kind": "mask"}}
    answers = Answers(outputs, [], {}, ["file"], (tmp_path, "out_masks"))
    (row,) = answers.rows("sub/a.png", {"mask": np.array([[0, 1], [2, 3]])})
    assert row == {"mask": "out_masks/sub/a.png.png"}
    image = image_decoding.decode((tmp_path / "sub/a.png.png").read_bytes(), "a", 1 << 20)
    assert np.asarray(image)[..., 0].tolist() == [[0, 1], [2, 3]]


def test_outputs_of_any_other_kind_are_written(made, tmp_path):
    outputs = {
        "tags": {"dtype": "string", "shape": [None, None], "kind": "labels"},
        "vector": {"dtype": "float32", "shape": [None, 2]},
    }

    def function(columns):
        rows = len(columns["text"])
        return {
            "tags": np.array([[b"A", b"B"]] * rows, object),
            "vector": np.array([[0.1, 2]] * rows, np.float32),
        }

    made("text_lines", {}, outputs=outputs, function=function)
    file = tmp_path / "new.txt"
    file.write_text("a b\n")
    for ending, read in ((".jsonl", lambda p: pd.read_json(p, lines=True)),
                         (".parquet", pd.read_parquet)):  # fmt: skip
        out = tmp_path / f"out{ending}"
        predict.run(["tiny", str(file), "--out", str(out)])
        assert list(read(out)["tags"][0]) == ["A", "B"]
        assert list(read(out)["vector"][0]) == [0.1, 2.0]
    predict.run(["tiny", str(file), "--out", str(tmp_path / "out.csv")])
    assert json.loads(rows_of(tmp_path / "out.csv")[0]["vector"]) == [0.1, 2.0]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["absent.csv"], "file-missing"),
        (["new.csv", "--out", "out.xls"], "ending-unknown"),
        (["new.csv", "--out", "new.csv"], "out-is-input"),
        (["new.csv", "--out", "folder.csv"], "out-is-folder"),
        (["new.csv", "--every", "2"], "option-unused"),
        (["other.csv"], "column-missing"),
        (["new.pdf"], "kind-unsupported"),
        (["empty.csv"], "rows-missing"),
        (["open.csv"], "csv-invalid"),
    ],
)
def test_what_is_refused(made, empty_folder, arguments, code):
    made("text_csv", {})
    Path("folder.csv").mkdir()
    for name, text in (
        *(("new.csv", "text\na\n"), ("other.csv", "words\na\n"), ("new.pdf", "%PDF-1.7")),
        *(("empty.csv", "text\n"), ("open.csv", 'text\n"a\n')),
    ):
        Path(name).write_text(text)
    with user_error(code):
        predict.run(["tiny", *arguments])
    assert Path("new.csv").read_text() == "text\na\n"


@pytest.mark.slow
@pytest.mark.parametrize("key", [CNN, pytest.param(LSTM, marks=nightly)])
def test_predictions_of_the_test_rows_are_those_of_evaluate(built, tmp_path, key):
    data = built.params["experiments"][key]["dataset"]
    test = arrays.read(built.path("data/prepared", data, "repeat0/test"))
    scores = built.path("data/metrics", key, "scores/repeat0_seed1/predictions")
    evaluated = arrays.read(scores)
    file, out = tmp_path / "test.csv", tmp_path / "out.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([("text",), *((text,) for text in test["text"])])
    done = built.pipelines("predict", key, str(file), "--out", str(out))
    assert done.stdout == ""
    rows, labels = rows_of(out), ["ham", "spam"]
    predicted = [labels.index(row["label"]) for row in rows]
    assert predicted == evaluated["predicted"].tolist()
    for place, label in enumerate(labels):
        served = [float(row[f"probability_{label}"]) for row in rows]
        assert served == pytest.approx(evaluated["probabilities"][:, place], abs=1e-6)


def test_memory_does_not_grow_with_the_file(made, tmp_path):
    made("text_csv", {})
    peaks = []
    for rows in (1_000, 6_000):
        file = tmp_path / f"{rows}.csv"
        file.write_text("text,n\n" + "".join(f"{'word ' * 20},{n}\n" for n in range(rows)))
        tracemalloc.start()
        predict.run(["tiny", str(file), "--out", str(tmp_path / "out.csv")])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
