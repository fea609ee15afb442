"""Options that several recipes share: several files, names, maps of labels, samples, steps."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from pipelines.config.errors import UserError
from pipelines.spec import DataSpec
from pipelines.stages import prepare
from pipelines.storage import arrays
from tests.support.project import distinct_text
from tests.support.user_errors import user_error

pytestmark = pytest.mark.usefixtures("empty_folder")

OUT = Path("data/prepared/set")
SERIES = {
    "values": {"load": "kW"}, "history_steps": 6, "horizon_steps": 3,
    "split": {"val": 12, "test": 20},
}  # fmt: skip


def run(recipe: str, source: str = "raw", **options) -> DataSpec:
    dataset = {"recipe": recipe, "source": source, "options": options}
    Path("params.yaml").write_text(yaml.safe_dump({"seed": 1, "datasets": {"set": dataset}}))
    prepare.run(Path("params.yaml"), "set")
    return DataSpec.load(OUT / "spec.json")


def columns(name: str) -> list:
    return [
        value
        for split in prepare.SPLITS
        for value in list(arrays.read(OUT / "repeat0" / split)[name])
    ]


def write(name: str, lines: list[str]) -> None:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text("\n".join(lines) + "\n", "utf-8")


def labelled(count: int, first: int = 0, labels=("0", "1")) -> list[str]:
    return [f"{labels[n % len(labels)]},{distinct_text(n)}" for n in range(first, first + count)]


def observations(count: int = 60, first: int = 0) -> list[str]:
    days = pd.date_range("2024-01-01", periods=first + count)[first:]
    return [f"{day:%Y-%m-%d},{n % 7 + n / 10}" for n, day in enumerate(days, first)]


class TestSeveralFiles:
    @pytest.mark.parametrize("entry", ["*.csv", ["b.csv", "a.csv"], ["a*.csv", "b.csv"]])
    def test_texts(self, entry):
        write("raw/a.csv", ["label,text", *labelled(30)])
        write("raw/b.csv", ["label,text", *labelled(30, 30)])
        write("raw/notes.txt", ["not a table"])
        run("text_csv", files={"all": entry})
        assert sorted(columns("file")) == ["a.csv"] * 30 + ["b.csv"] * 30
        assert len(set(columns("text"))) == 60

    def test_lines(self):
        for number, name in enumerate("ab"):
            write(f"raw/{name}.txt", [r.replace(",", " ", 1) for r in labelled(30, 30 * number)])
        run("text_lines", files={"all": "*.txt"})
        assert len(columns("text")) == 60

    def test_the_name_of_the_file_is_the_label(self):
        for number, name in enumerate(("good", "bad")):
            rows = [distinct_text(n) for n in range(30 * number, 30 * number + 30)]
            write(f"raw/{name}.2024.csv", ["text", *rows])
        spec = run("text_csv", files={"all": "*.csv"}, file_column="source", label="source")
        assert spec.labels == ("bad", "good")

    def test_a_series_in_parts_is_put_in_order(self):
        write("raw/april.csv", ["time,load", *observations(30, 30)])
        write("raw/march.csv", ["time,load", *observations(30)])
        run("timeseries_csv", files="*.csv", frequency="D", **SERIES)
        parts = [arrays.read(OUT / "repeat0" / split) for split in prepare.SPLITS]
        one_file = np.concatenate([part["future"] for part in parts])
        write("raw/whole.csv", ["time,load", *observations(60)])
        run("timeseries_csv", "raw/whole.csv", frequency="D", **SERIES)
        parts = [arrays.read(OUT / "repeat0" / split) for split in prepare.SPLITS]
        np.testing.assert_array_equal(one_file, np.concatenate([part["future"] for part in parts]))

    def test_parts_that_overlap(self):
        write("raw/a.csv", ["time,load", *observations(30)])
        write("raw/b.csv", ["time,load", *observations(30, 20)])
        with user_error("time-order", path="raw/b.csv", line=2):
            run("timeseries_csv", files="*.csv", frequency="D", **SERIES)

    def test_a_folder_needs_names(self):
        write("raw/a.csv", ["time,load", *observations(30)])
        with user_error("source-is-folder", path="raw", key="files"):
            run("timeseries_csv", frequency="D", **SERIES)
        with user_error("file-missing", path="raw", key="files", value="*.tsv"):
            run("timeseries_csv", files="*.tsv", frequency="D", **SERIES)
        with user_error("source-is-file", path="raw/a.csv", key="files"):
            run("timeseries_csv", "raw/a.csv", files="*.csv", frequency="D", **SERIES)


class TestNames:
    def test_without_a_header(self):
        write("a.csv", observations())
        spec = run("timeseries_csv", "a.csv", header=False, names=["time", "load"],
                   frequency="D", **SERIES)  # fmt: skip
        assert spec.task_metadata["columns"] == ["load"]
        write("b.csv", labelled(60))
        run("text_csv", "b.csv", header=False, names=["label", "text"])
        assert len(columns("text")) == 60

    def test_of_columns_with_one_name(self):
        write("a.csv", ["time,load,load", *(f"{row},{n}" for n, row in enumerate(observations()))])
        with user_error("column-ambiguous", path="a.csv", line=1, key="values"):
            run("timeseries_csv", "a.csv", frequency="D", **SERIES)
        run("timeseries_csv", "a.csv", names=["time", "x", "load"], frequency="D", **SERIES)
        assert columns("future")[0][:, 0].tolist() == [6.0, 7.0, 8.0]

    def test_of_every_column(self):
        write("a.csv", ["time,load", *observations()])
        with user_error("names-count", path="a.csv", key="names", value=1):
            run("timeseries_csv", "a.csv", names=["time"], frequency="D", **SERIES)
        with user_error("names-repeated", path="a.csv", key="names", value="time"):
            run("timeseries_csv", "a.csv", names=["time", "time"], frequency="D", **SERIES)

    def test_a_row_of_units_and_remarks_above_texts(self):
        write("a.csv", ["# made by hand", "label,text", "class,words", *labelled(60)])
        run("text_csv", "a.csv", comment="#", units_row=True)
        assert len(columns("text")) == 60


class TestLabels:
    def test_of_a_table(self):
        write("a.csv", ["label,text", *labelled(90, labels=("0", "1", "2"))])
        spec = run("text_csv", "a.csv", labels={0: "neg", 1: "pos", "2": "pos"}, positive="pos")
        assert spec.labels == ("neg", "pos")
        with user_error("label-unknown", path="a.csv", line=4, key="labels", value="2"):
            run("text_csv", "a.csv", labels={0: "neg", 1: "pos"})

    def test_of_folders(self):
        Path("raw").mkdir()
        for number in range(60):
            write(f"raw/n{number % 2 + 1}/{number}.txt", [distinct_text(number)])
        spec = run("text_folder", labels={"n1": "cat", "n2": "dog"})
        assert spec.labels == ("cat", "dog")
        with user_error("label-unknown", path="raw/n2/1.txt", key="labels", value="n2"):
            run("text_folder", labels={"n1": "cat"})

    def test_of_images(self):
        rng = np.random.default_rng(0)
        with zipfile.ZipFile("raw.zip", "w") as archive:
            for number in range(40):
                stream = io.BytesIO()
                image = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
                image.save(stream, "PNG")
                archive.writestr(f"n{number % 2}/{number}.png", stream.getvalue())
        spec = run("image_folder", "raw.zip", size=[8, 8], labels={"n0": "cat", "n1": "dog"},
                   sample_rows=30, positive="dog")  # fmt: skip
        assert spec.labels == ("cat", "dog")
        assert len(columns("label")) == 30

    def test_a_number_is_a_label(self):
        write("a.csv", ["label,text", *labelled(60)])
        assert run("text_csv", "a.csv", positive=1).positive == "1"
        with user_error("positive-missing", key="positive", value="true"):
            run("text_csv", "a.csv", positive=True)  # the word, as it is written


class TestJoinedText:
    ROWS = [f"{n % 2},title {distinct_text(n)},{n}," for n in range(60)]

    def test_columns_are_joined(self):
        write("a.csv", ["label,title,price,colour", *self.ROWS])
        spec = run("text_csv", "a.csv", text=["title", "price", "colour"], separator=" | ")
        assert f"title {distinct_text(3)} | 3" in columns("text")
        assert spec.task_metadata == {
            "text_columns": ["title", "price", "colour"], "separator": " | ",
            "column_names": False,
        }  # fmt: skip
        assert spec.request_inputs == ("text",)

    def test_cells_follow_their_names(self):
        write("a.csv", ["label,title,price,colour", *self.ROWS])
        run("text_csv", "a.csv", text=["title", "price"], column_names=True)
        assert f"title: title {distinct_text(3)} price: 3" in columns("text")

    def test_one_column_is_not_joined(self):
        write("a.csv", ["label,title,price,colour", *self.ROWS])
        assert run("text_csv", "a.csv", text="title").task_metadata == {}
        with user_error("value-invalid"):
            run("text_csv", "a.csv", text="title", separator=";")

    def test_a_row_needs_one_cell(self):
        write("a.csv", ["label,title,price,colour", *self.ROWS, "1,,,"])
        with user_error("text-empty", path="a.csv", line=62):
            run("text_csv", "a.csv", text=["title", "price"])


class TestSamples:
    def test_of_texts_keep_their_order_and_depend_on_the_seed_alone(self):
        write("a.csv", ["label,text", *labelled(200)])
        run("text_csv", "a.csv", sample_rows=80)
        lines = sorted(columns("line"))
        assert len(lines) == 80 and lines[-1] > 150
        run("text_csv", "a.csv", sample_rows=80)
        assert sorted(columns("line")) == lines
        run("text_csv", "a.csv", sample_rows=500)
        assert len(columns("line")) == 200

    def test_of_a_series_are_its_last_rows(self):
        write("a.csv", ["time,load", *observations(90)])
        run("timeseries_csv", "a.csv", sample_rows=60, frequency="D", **SERIES)
        assert columns("history")[0][0, 0] == pytest.approx(30 % 7 + 3.0)

    def test_of_pairs(self):
        rows = [f"{distinct_text(n)}\t{distinct_text(n + 500)}" for n in range(90)]
        write("a.tsv", rows)
        subwords = {"vocabulary_size": 60, "max_tokens": 40}
        run("parallel_text", "a.tsv", sample_rows=60, subwords=subwords)
        assert len(columns("line")) == 60


class TestSteps:
    ROWS = [str(n % 7 + n / 10) for n in range(60)]

    def test_are_counted(self):
        write("a.csv", ["load", *self.ROWS])
        spec = run("timeseries_csv", "a.csv", time=None, **SERIES)
        assert spec.task_metadata["frequency"] == "step"
        assert columns("first")[0] == "step 7"
        assert len(columns("future")) == 20 + 10 + 18

    def test_have_times_from_a_start(self):
        write("a.csv", ["load", *self.ROWS])
        spec = run("timeseries_csv", "a.csv", time=None, start="1949-01", frequency="MS", **SERIES)
        assert spec.task_metadata["frequency"] == "MS"
        assert columns("first")[0] == "1949-07-01"

    @pytest.mark.parametrize(
        "options",
        [
            {"time": None, "time_zone": "UTC"},
            {"time": None, "files": "*.csv"},
            {"time": "time", "start": "1949-01", "frequency": "MS"},
            {"time": None, "start": "January"},
            {"time": "time"},
            {"frequency": "D", "header": False},
            {"frequency": "D", "files": ["a.csv"], "rows": [1, 20]},
        ],
    )
    def test_options_that_do_not_fit(self, options):
        write("a.csv", ["load", *self.ROWS])
        with pytest.raises(UserError) as error:
            run("timeseries_csv", "a.csv", **SERIES, **options)
        assert error.value.code == "value-invalid" and error.value.path == "params.yaml"
