"""A params file may use the data sets and warm starts of another one: `shared`."""

import pytest

from pipelines.config import loader
from pipelines.config.errors import UserError

DATASET = "{recipe: digits, source: requirements.txt, options: {split: {val: 0.2, test: 0.2}}}"
MAIN = f"""\
seed: 1
datasets:
  digits: {DATASET}
warm_starts:
  digits_from_file: {{dataset: digits, weights: weights.keras}}
baselines:
  digits: {{task: image_classification, dataset: digits}}
  from_file: {{task: image_classification, dataset: digits_from_file}}
experiments: {{}}
"""
COURSE = """\
seed: 1
shared: params.yaml
datasets: {}
warm_starts: {}
experiments:
  net:
    task: image_classification
    dataset: digits
    module: lenet
    build: {builder: lenet5}
    fit: {epochs: 1, batch_size: 32, learning_rate: 0.01, patience: null}
"""


@pytest.fixture
def course(empty_folder, tmp_path):
    """Writes both files and reads the second one."""

    def read(text: str):
        (tmp_path / "params.yaml").write_text(MAIN)
        (tmp_path / "course.yaml").write_text(text)
        return loader.load(tmp_path / "course.yaml")

    return read


@pytest.mark.parametrize("dataset", ["digits", "digits_from_file"])
def test_an_experiment_uses_a_data_set_of_the_other_file(course, dataset):
    params = course(COURSE.replace("dataset: digits", f"dataset: {dataset}"))
    assert params.dataset_of("net") == "digits"
    assert params.datasets["digits"].recipe == "digits"


def test_experiments_of_the_other_file_stay_there(course):
    assert list(course(COURSE).experiments) == ["net"]


def test_sections_that_are_set_are_those_of_the_file_itself(course):
    """`check` refuses a file without a section that DVC reads."""
    params = course(COURSE.replace("warm_starts: {}\n", ""))
    assert "warm_starts" not in params.model_fields_set
    assert "datasets" in params.model_fields_set


@pytest.mark.parametrize("name", ["digits", "digits_from_file"])
def test_a_name_of_the_other_file_is_refused(course, name):
    with pytest.raises(UserError) as error:
        course(COURSE.replace("datasets: {}", f"datasets:\n  {name}: {DATASET}"))
    assert f"datasets.{name}" in str(error.value)


def test_a_file_that_shares_itself_is_refused(course, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        course(COURSE.replace("shared: params.yaml", "shared: course.yaml"))
    assert "shared" in str(error.value)
