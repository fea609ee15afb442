"""Labels are taken as they are written, whatever YAML reads them as; and YAML that is too much."""

import time
from pathlib import Path

import pytest

from pipelines.config import loader
from pipelines.config.yaml_lines import YamlFile
from tests.support.user_errors import user_error


def options(folder: Path, recipe: str, text: str):
    path = folder / "params.yaml"
    path.write_text(f"seed: 1\ndatasets:\n  a:\n    recipe: {recipe}\n    source: x\n{text}")
    return loader.options(loader.load(path).datasets["a"])


@pytest.mark.parametrize(
    ("written", "label"),
    [
        *(("1", "1"), ("yes", "yes"), ("no", "no"), ("On", "On"), ("true", "true")),
        *(("1.10", "1.10"), ("007", "007"), ("1e3", "1e3"), ("2024-01-01", "2024-01-01")),
        *(("'1'", "1"), ('"yes"', "yes"), ("spam", "spam"), ("null", None), ("~", None)),
    ],
)
def test_a_label_needs_no_quotes(tmp_path, written, label):
    assert options(tmp_path, "text_csv", f"    options: {{positive: {written}}}").positive == label


def test_labels_in_lists_and_mappings(tmp_path):
    given = options(tmp_path, "image_folder", "    options: {classes: [1, no, 03], positive: no}")
    assert given.classes == ["1", "no", "03"]
    given = options(tmp_path, "text_lines", "    options: {labels: {0: no, 01: yes, pos: 1}}")
    assert given.labels == {"0": "no", "01": "yes", "pos": "1"}
    given = options(tmp_path, "text_lines", "    options: {files: {train: {1: a, no: b}}}")
    assert given.files == {"train": {"1": "a", "no": "b"}}
    text = (
        "    options: {time: 2020, values: {1: degC}, missing: [-999, -999.0, n/a], frequency: D, "
        "history_steps: 2, horizon_steps: 1}"
    )
    given = options(tmp_path, "timeseries_csv", text)
    assert (given.time, given.values) == ("2020", {"1": "degC"})
    assert given.missing == ["-999", "-999.0", "n/a"]


@pytest.mark.parametrize("value", ["[1]", "{a: 1}"])
def test_what_is_no_text_is_refused_by_line(tmp_path, value):
    with user_error("value-invalid", line=7, key="datasets.a.options.positive"):
        options(tmp_path, "text_csv", f"    options:\n      positive: {value}")


def test_other_options_keep_their_types(tmp_path):
    with user_error("value-invalid", key="datasets.a.options.encoding"):
        options(tmp_path, "text_csv", "    options: {encoding: 8}")


def yaml_file(folder: Path, text: str) -> YamlFile:
    path = folder / "file.yaml"
    path.write_text(text)
    return YamlFile(path)


def test_aliases_that_grow_are_refused_quickly(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    start = time.monotonic()
    with user_error("yaml-aliases", path=str(tmp_path / "file.yaml")):
        yaml_file(tmp_path, "\n".join(lines))
    assert time.monotonic() - start < 1


def test_an_alias_inside_itself_is_refused(tmp_path):
    with user_error("yaml-aliases", line=2):
        yaml_file(tmp_path, "a: 1\nb: &b {c: *b}\n")


def test_brackets_without_end_are_refused(tmp_path):
    with user_error("yaml-too-deep"):
        yaml_file(tmp_path, "a: " + "[" * 3000)


def test_anchors_and_merged_blocks_are_read(tmp_path):
    file = yaml_file(tmp_path, "a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\nc: *a\n")
    assert file.values == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}
    assert (file.lines["b", "x"], file.lines["b", "y"]) == (1, 4)
