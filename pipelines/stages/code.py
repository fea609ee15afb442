"""Writes what each stage's code is, one small file for each Python file that a stage starts from.

`data/code/models/text_cnn.txt` has the sha256 of models/text_cnn.py and of every file of this
project that it imports, directly or not. dvc.yaml names these files as dependencies: an edit runs
again the stages that it concerns and no others, and a new import needs no edit of dvc.yaml.

Why not the code files themselves? DVC reads and writes all of dvc.lock for each stage that runs,
and with some sixty files for each stage that takes longer than most stages.
"""

import hashlib
from pathlib import Path

from pipelines.storage import atomic
from pipelines.training import import_graph
from pipelines.training.import_graph import ROOT

FOLDER = Path("data/code")
# What dvc.yaml names. Layers are registered with Keras by the import of their package, and
# registered_model.py is copied into the registered model by `export`.
ENTRIES = (
    *("pipelines/stages/*.py", "pipelines/datasets/*.py", "pipelines/tasks/*/*.py"),
    *("models/*.py", "models/classical/*.py", "models/ensembles/*.py"),
    "models/layers/__init__.py",
    "pipelines/tracking/registered_model.py",
)


def run(params_file: Path) -> None:
    """Writes data/code. It depends on no params file."""
    digests = {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for room in ("pipelines", "models")
        for path in (ROOT / room).rglob("*.py")
    }
    imports = {path: import_graph.imports(path) for path in digests}
    with atomic.folder(FOLDER) as folder:
        for entry in entries():
            file = (folder / entry).with_suffix(".txt")
            file.parent.mkdir(parents=True, exist_ok=True)
            needed = import_graph.closure([entry], graph=imports)
            lines = (f"{digests[path]}  {path}\n" for path in sorted(needed))
            file.write_text("".join(lines), "utf-8")


def entries() -> list[str]:
    """The files that a stage may start from, relative to the repository."""
    paths = (path for pattern in ENTRIES for path in ROOT.glob(pattern))
    return sorted(path.relative_to(ROOT).as_posix() for path in paths)
