"""`python -m pipelines check` lists every mistake, and says which of them stop everything."""

import gzip
from pathlib import Path

import pytest

from pipelines.commands import check
from pipelines.config import loader
from tests.support.user_errors import user_error

PARAMS = (
    """\
seed: 1
datasets:
  good:
    recipe: text_csv
    source: a.csv
  options:
    recipe: text_csv
    source: a.csv
    options: {text: txt, lable: x, label: lab}
  absent:
    recipe: text_csv
    source: none.csv
    options: {empty: maybe}
  series:
    recipe: timeseries_csv
    source: s.csv
    options: {time: when, values: {load: MW, wind: MW}, frequency: D, history_steps: 0,
      horizon_steps: 1}
  wide:
    recipe: text_csv
    source: wide.csv
  folder:
    recipe: text_csv
    source: in
    options: {files: {train: a.csv, test: tset.csv}}
warm_starts: {}
baselines:
  good: {task: text_classification, dataset: good, strong: good_linear}
  wide: {task: text_classification, dataset: wide, strong: wide_linear}
  absent: {task: text_classification, dataset: absent, strong: absent_linear}
experiments:
  fine:
    task: text_classification
    dataset: good
    module: text_cnn
    build: {builder: text_cnn}
    fit: {epochs: 1, batch_size: 8, learning_rate: 0.1, patience: null}
  many:
    task: text_classification
    dataset: wide
    module: text_cnn
    build: {builder: text_cnn, filters: 0, droput: 0.5}
    fit: {epochs: 0, batch_size: 8, learning_rate: 0.1, pateince: null}
    decide: {false_alarm_cost: -1}
  other:
    task: txt_classification
    dataset: absent
    module: text_cn
    build: {builder: text_cnn}
    fit: {epochs: 1, batch_size: 8, learning_rate: 0.1, patience: null}
"""
    + "".join(
        f"  {name}_linear: {{task: text_classification, dataset: {name}, "
        "module: classical/linear_text, build: {builder: linear_text}}\n"
        for name in ("good", "wide", "absent")
    )
    + "downloads: {}\n"
)
# (line, code, the key's last step) of the params file.
MISTAKES = [
    (9, "column-missing", "text"),
    (9, "column-missing", "label"),
    (9, "key-unknown", "lable"),
    (12, "file-missing", "source"),
    (13, "value-invalid", "empty"),
    (17, "value-invalid", "history_steps"),
    (17, "column-missing", "wind"),
    (25, "file-missing", "test"),
    (42, "value-invalid", "filters"),
    (42, "argument-unknown", "droput"),
    (43, "value-invalid", "epochs"),
    (43, "key-unknown", "pateince"),
    (44, "value-invalid", "false_alarm_cost"),
    (46, "task-unknown", "task"),
    (48, "module-unknown", "module"),
]


@pytest.fixture
def project(empty_folder):
    Path("params.yaml").write_text(PARAMS)
    Path("in").mkdir()
    for name in ("a.csv", "in/a.csv"):
        Path(name).write_text("text,label\nx,1\n")
    Path("s.csv").write_text("when,load\n2024-01-01,1\n")
    Path("wide.csv").write_text("text,label\nx,1\ny,1,2\n")


def test_every_mistake_is_listed_by_file_and_line(project):
    mistakes = check.inspect(Path("params.yaml"))[1]
    of_params = [
        (error.line, error.code, error.key.rpartition(".")[2])
        for error in mistakes
        if error.path == "params.yaml"
    ]
    assert sorted(of_params) == sorted(MISTAKES)
    assert [line for line, _, _ in of_params] == [line for line, _, _ in MISTAKES]
    (of_data,) = [error for error in mistakes if error.path != "params.yaml"]
    assert (of_data.path, of_data.line, of_data.code) == ("wide.csv", 3, "column-count")
    assert not any(map(check.stops_all, mistakes))


def test_one_line_each_and_status_1(project, capsys):
    with pytest.raises(SystemExit) as ended:
        check.run(Path("params.yaml"))
    assert ended.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(MISTAKES) + 2
    assert lines[-1].startswith(f"{len(MISTAKES) + 1} mistakes")


def test_a_stage_is_stopped_by_mistakes_of_its_entry_alone(project):
    path = Path("params.yaml")
    assert loader.experiment(path, "fine")[1].dataset == "good"
    assert loader.dataset(path, "good")[1].recipe == "text_csv"
    assert loader.baselines(path, "good")[1].dataset == "good"
    for section, key, line in (("dataset", "series", 17), ("experiment", "many", 42),
                               ("baselines", "absent", 13)):  # fmt: skip
        with pytest.raises(check.UserError) as caught:
            getattr(loader, section)(path, key)
        assert caught.value.line == line
    with pytest.raises(check.UserError) as caught:
        loader.load(path)
    assert caught.value.line == 9


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("seed: 1\n", "seed: 1\nmore: 2\n", "key-unknown"),
        ("seed: 1\n", "", "key-missing"),
        ("warm_starts: {}\n", "", "section-missing"),
        ("warm_starts: {}\n", "warm_starts: 3\n", "value-invalid"),
        ("  good: {task", "  again: {task: text_classification, dataset: good, strong: "
         "good_linear}\n  good: {task", "baselines-repeated"),
        ("    module: text_cn\n", "", "key-missing"),
        ("    module: text_cn\n", "    module: 3\n", "value-invalid"),
        ("  other:\n", "  ot/her:\n", "value-invalid"),
        ("  wide:\n    recipe: text_csv\n", "  wide:\n", "key-missing"),
    ],
)  # fmt: skip
def test_what_spoils_the_graph_stops_all(project, old, new, code):
    assert PARAMS.count(old) == 1, old
    Path("params.yaml").write_text(PARAMS.replace(old, new))
    stopping = [error for error in check.inspect(Path("params.yaml"))[1] if check.stops_all(error)]
    assert code in [error.code for error in stopping]


def test_a_head_is_read_and_not_the_whole_file(project):
    rows = "".join(f"text {n},1\n" for n in range(100))
    Path("a.csv").write_bytes(("text,label\n" + rows).encode() + b"caf\xe9,1,2,3\n")
    assert [e for e in check.inspect(Path("params.yaml"))[1] if e.path == "a.csv"] == []
    Path("a.csv").write_bytes(b"text,label\ncaf\xe9,1\n")
    errors = [e for e in check.inspect(Path("params.yaml"))[1] if e.path == "a.csv"]
    assert {(error.code, error.line) for error in errors} == {("encoding-wrong", 2)}


def test_a_table_in_a_gzip_file_is_read_as_the_stages_read_it(project):
    Path("a.csv").write_bytes(gzip.compress(b"text,label\nx,1\n"))
    assert [e for e in check.inspect(Path("params.yaml"))[1] if e.path == "a.csv"] == []
    Path("a.csv").write_bytes(gzip.compress(b"text,label\n"))
    errors = [e for e in check.inspect(Path("params.yaml"))[1] if e.path == "a.csv"]
    assert {error.code for error in errors} == {"rows-missing"}


def test_a_missing_file_is_refused(empty_folder):
    with user_error("file-missing", path="params.yaml"):
        check.run(Path("params.yaml"))
