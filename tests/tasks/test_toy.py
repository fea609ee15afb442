"""A task in a package of its own, from recipe to served answer, without an edit outside it.

Two request inputs, a target per position, an answer of nested strings, an ordered stream.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.config import search_path
from pipelines.stages import baselines, evaluate, export, prepare, train
from pipelines.storage import arrays
from serving.servables import servable
from tests.tasks.toy.datasets.letter_lines import LETTERS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PARAMS = {
    "seed": 1,
    "datasets": {"lines": {"recipe": "letter_lines", "source": "lines.txt", "options": {}}},
    "baselines": {"lines": {"task": "tagging", "dataset": "lines"}},
    "experiments": {
        "tagger": {
            "task": "tagging",
            "dataset": "lines",
            "module": "letter_tagger",
            "build": {"builder": "letter_tagger", "units": 16},
            "fit": {"epochs": 60, "batch_size": 8, "learning_rate": 0.03, "patience": 30},
        }
    },
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder in which prepare, train, evaluate and export have run."""
    folder = tmp_path_factory.mktemp("toy")
    rng = np.random.default_rng(1)
    words = ["".join(rng.choice(list(LETTERS), 6)) for _ in range(256)]
    lines = [f"{word} {number % 2}\n" for number, word in enumerate(words)]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv(search_path.VARIABLE, "tests.tasks.toy")
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        Path("lines.txt").write_text("".join(lines))
        path = Path("params.yaml")
        path.write_text(yaml.safe_dump(PARAMS))
        prepare.run(path, "lines")
        train.run(path, "tagger")
        baselines.run(path, "lines")
        evaluate.run(path, "tagger")
        export.run(path, "tagger")
    return folder


def test_it_learns_and_is_compared(project):
    metrics = json.loads((project / "data/metrics/tagger.json").read_text())
    assert metrics["test/accuracy"] > 0.9 > metrics["baseline_letter/accuracy"]


def test_the_best_epoch_is_the_most_accurate(project):
    folder = project / "data/trained/tagger/repeat0_seed1"
    best = json.loads((folder / "best_epoch.json").read_text())
    assert best["monitor"] == {"metric": "val/accuracy", "mode": "max"}
    header, *rows = (folder / "history.csv").read_text().splitlines()
    column = header.split(",").index("val/accuracy")
    assert best["val/accuracy"] == max(float(row.split(",")[column]) for row in rows)


def test_what_is_served_is_described(project):
    contract = json.loads((project / "data/exported/tagger/signature.json").read_text())
    described = contract["signatures"]["serving_default"]
    assert contract["schema_version"] == 1
    assert {name: tensor["kind"] for name, tensor in described["inputs"].items()} == {
        "word": "text", "swap": "number",
    }  # fmt: skip
    tags = {"dtype": "string", "shape": [None, 6], "kind": "labels"}
    assert described["outputs"] == {"tags": tags}


def test_golden_answers_nest_strings(project):
    golden = json.loads((project / "data/exported/tagger/golden.json").read_text())
    assert set(golden["inputs"]) == {"word", "swap"}
    tags = golden["outputs"]["tags"]
    assert len(tags) == 8 and all(len(row) == 6 for row in tags)
    assert {tag for row in tags for tag in row} == {"consonant", "vowel"}


def test_a_server_answers(project, tmp_path):
    """Loaded as the server does it: golden answers are checked, then a word is asked for."""
    source = project / "data/exported/tagger"
    folder = tmp_path / "1"
    shutil.copytree(source / "model", folder)
    for name in ("signature.json", "golden.json"):
        shutil.copy(source / name, folder / name)
    loaded = servable.load(folder)
    signature = loaded.signatures["serving_default"]
    words = np.array([b"banana", b"banana"], object)
    answer = signature({"word": words, "swap": np.array([0, 1], np.int32)})
    straight, swapped = answer["tags"].tolist()
    assert straight == [b"consonant", b"vowel"] * 3
    assert swapped == [b"vowel", b"consonant"] * 3


def test_train_reads_the_stream_in_order(project):
    spec_columns = arrays.read(project / "data/prepared/lines/repeat0/train")
    assert list(spec_columns["word"]) == [
        line.split()[0] for line in (project / "lines.txt").read_text().splitlines()[:128]
    ]
