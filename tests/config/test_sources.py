"""`check` refuses sources that are not there, or whose names DVC cannot read."""

from pathlib import Path

import pytest

from pipelines.config.errors import UserError
from tests.support.user_errors import checked, user_error

PARAMS = """\
seed: 1
datasets:
  reviews:
    recipe: text_csv
    source: {source}
warm_starts: {{}}
baselines: {{}}
experiments: {{}}
downloads:
  here: {{a.csv: {{sha256: {sha256}, urls: [https://example.org/a.csv]}}}}
"""


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(source: str) -> None:
    Path("params.yaml").write_text(PARAMS.format(source=source, sha256="0a" * 32))
    checked("params.yaml")


@pytest.mark.parametrize("source", ["in/reviews.csv", "data/raw/other/a.csv", "nowhere"])
def test_a_missing_source_is_refused_by_line(source):
    Path("in").mkdir()
    with user_error(
        "file-missing", path="params.yaml", line=5, key="datasets.reviews.source", value=source
    ):
        run(source)


def test_files_that_are_there_or_downloaded_are_accepted():
    Path("in").mkdir()
    Path("in/reviews.csv").write_text("text,label\na,b\n")
    for source in ("in/reviews.csv", "in", "data/raw/here/a.csv", "data/raw/here"):
        run(source)


def test_a_name_that_is_not_utf8_is_refused():
    Path("in/a").mkdir(parents=True)
    Path("in/a", b"K\xe4tzchen".decode("utf-8", "surrogateescape")).write_text("x")
    with pytest.raises(UserError) as caught:
        run("in")
    assert (caught.value.code, caught.value.value) == ("name-not-utf8", "K\\xe4tzchen")
    str(caught.value).encode()


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        ("hf://sentence-transformers/all-MiniLM-L6-v2", "weights-remote"),
        ("https://example.org/model.safetensors", "weights-remote"),
        ("bert_tiny_en_uncased", "file-missing"),
        ("data/raw/other", "file-missing"),
        ("data/raw/here", None),
        ("data/trained/cnn", None),
        ("folder", None),
    ],
)
def test_weights_are_on_this_computer_or_made_by_a_stage(weights, code):
    Path("folder").mkdir()
    Path("folder/reviews.csv").write_text("text,label\nx,1\ny,2\n")
    text = PARAMS.format(source="folder/reviews.csv", sha256="0a" * 32)
    entry = f"{{start: {{dataset: reviews, weights: '{weights}'}}}}"
    Path("params.yaml").write_text(text.replace("warm_starts: {}", f"warm_starts: {entry}"))
    if code is None:
        checked(Path("params.yaml"))
        return
    with user_error(code, path="params.yaml", key="warm_starts.start.weights", value=weights):
        checked(Path("params.yaml"))
