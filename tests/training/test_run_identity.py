"""What changes a result's identity, and what does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.training import import_graph, run_identity

ROOT = Path(__file__).parents[2]
DIGEST = "from pipelines.training import run_identity as i; print({})".format(
    "i.code_digest(i.train_files(*{!r}))"
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the code, to be changed."""
    copy = tmp_path_factory.mktemp("tree")
    for folder in ("pipelines", "models"):
        for path in (ROOT / folder).rglob("*.py"):
            target = copy / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return copy


@pytest.fixture(scope="module")
def before(tree) -> str:
    return digest(tree)


def digest(tree: Path, task="text_classification", module="text_cnn") -> str:
    command = [sys.executable, "-c", DIGEST.format((task, module))]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_it_is_a_sha256_and_the_same_for_a_copy_elsewhere(before):
    expected = run_identity.code_digest(run_identity.train_files("text_classification", "text_cnn"))
    assert len(expected) == 64
    assert before == expected


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("pipelines/stages/train.py", True),
        ("models/text_cnn.py", True),
        ("models/__init__.py", True),
        ("models/layers/masking.py", True),  # by way of models/layers/__init__.py
        ("pipelines/config/yaml_lines.py", True),  # by way of pipelines/config/loader.py
        ("pipelines/inference/decision.py", True),  # by way of the task's objective
        ("models/recurrent.py", False),
        ("pipelines/tasks/text_classification/serve.py", False),
        ("pipelines/evaluation/classification.py", False),
        ("pipelines/datasets/text_csv.py", False),
    ],
)
def test_one_more_byte_in_a_file(tree, before, path, changes):
    text = (tree / path).read_bytes()
    (tree / path).write_bytes(text + b"\n")
    try:
        assert (digest(tree) != before) is changes
    finally:
        (tree / path).write_bytes(text)


def test_another_model_is_other_code():
    task = "text_classification"
    assert run_identity.code_digest(run_identity.train_files(task, "recurrent")) != (
        run_identity.code_digest(run_identity.train_files(task, "text_cnn"))
    )


def test_data_digest_is_of_names_and_contents_in_any_order():
    digests = {"repeat0/train": "a", "repeat0/test": "b"}
    assert run_identity.data_digest(digests) == run_identity.data_digest(
        dict(reversed(digests.items()))
    )
    for other in (
        {"repeat0/train": "a"},
        {"repeat0/train": "b", "repeat0/test": "a"},
        {"repeat1/train": "a", "repeat0/test": "b"},
    ):
        assert run_identity.data_digest(other) != run_identity.data_digest(digests)


@pytest.mark.parametrize(
    ("nested", "expected"),
    [
        ({}, {}),
        ({"a": 1, "b": None}, {"a": 1, "b": None}),
        ({"fit": {"epochs": 3, "x": {"y": "z"}}}, {"fit.epochs": 3, "fit.x.y": "z"}),
        ({"widths": [1, {"a": 2}]}, {"widths": [1, {"a": 2}]}),
        ({"a": {"b": 1}, "c": {"b": 2}}, {"a.b": 1, "c.b": 2}),
        ({"decide": {}, "b": 1}, {"b": 1}),
    ],
)
def test_flat(nested, expected):
    assert run_identity.flat(nested) == expected


FILES = {
    "pipelines/__init__.py": "",
    "pipelines/a.py": "import numpy\nfrom pipelines import b\nfrom pipelines.c import name",
    "pipelines/b.py": "def late():\n    import pipelines.d as other\n",
    "pipelines/c.py": "name = 1",
    "pipelines/d.py": "from pipelines import a  # a circle\nfrom .e import hidden",
    "pipelines/e.py": "",
    "pipelines/f.py": "from models.layers.cells import Cell",
    "pipelines/g.py": "from models import layers",
    "pipelines/h.py": "if False:\n    import models.heads, os.path\n",
    "models/__init__.py": "",
    "models/layers/__init__.py": "from models.layers.masks import Mask",
    "models/layers/cells.py": "",
    "models/layers/masks.py": "from modelsandmore import x",
    "models/heads.py": "import pipelines_of_others.c",
}
LAYERS = {"models/__init__.py", "models/layers/__init__.py", "models/layers/masks.py"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.mark.parametrize(
    ("entry", "needed"),
    [
        ("c", set()),
        # A module by name, a name in a module, an import inside a function, a circle; the relative
        # import is not followed, and numpy is none of ours.
        ("a", {f"pipelines/{name}.py" for name in "bcd"}),
        # Packages on the way run too, and with them what they import.
        ("f", {*LAYERS, "models/layers/cells.py"}),
        ("g", LAYERS),
        ("h", {"models/__init__.py", "models/heads.py"}),
    ],
)
def test_closure(made, entry, needed):
    path = f"pipelines/{entry}.py"
    assert import_graph.closure([path], made) == {path, "pipelines/__init__.py", *needed}


def test_closure_of_several_is_that_of_each_together(made):
    both = import_graph.closure(["pipelines/a.py", "pipelines/g.py"], made)
    assert both == import_graph.closure(["pipelines/a.py"], made) | import_graph.closure(
        ["pipelines/g.py"], made
    )
    assert import_graph.third_party(both, made) == {"numpy", "modelsandmore"}


def test_no_file_of_this_project_imports_relatively():
    """`closure` does not follow such imports, so there must be none."""
    for folder in import_graph.LOCAL:
        for path in (ROOT / folder).rglob("*.py"):
            for line in path.read_text("utf-8").splitlines():
                assert not line.lstrip().startswith("from ."), f"{path}: {line}"
