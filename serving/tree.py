"""The version tree: `<root>/<model>/<integer version>/`, each version a SavedModel.

Beside the SavedModel's own files a version has signature.json (what goes in and comes out),
golden.json (requests with the answers to expect) and the digest of its content, `content.sha256`.
TensorFlow Serving, Triton and KServe read the same tree and pass over what they do not know.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from pipelines import arrays, atomic
from pipelines.checks import Refused

GRAPH, SIGNATURE, GOLDEN, CONTENT = (
    "saved_model.pb", "signature.json", "golden.json", "content.sha256",
)  # fmt: skip
LARGEST = 2**63 - 1


def version_number(name: str) -> int | None:
    """The version that a folder's name means, as TensorFlow Serving reads it; None: no version.

    Digits alone, leading zeros allowed, no more than a signed 64-bit number holds.
    """
    if not (name.isascii() and name.isdecimal()) or int(name) > LARGEST:
        return None
    return int(name)


def versions(folder: Path) -> dict[int, Path]:
    """Version folders of one model. Of `7` and `007` the shorter name counts."""
    found: dict[int, Path] = {}
    if not folder.is_dir():
        return found
    for path in sorted(folder.iterdir(), key=lambda path: (-len(path.name), path.name)):
        number = version_number(path.name)
        if number is not None and path.is_dir():
            found[number] = path
    return dict(sorted(found.items()))


def models(root: Path) -> list[str]:
    """Names of the models of a root: its folders that have at least one version."""
    if not root.is_dir():
        return []
    names = (path.name for path in root.iterdir() if not path.name.startswith("."))
    return sorted(name for name in names if versions(root / name))


@dataclass(frozen=True)
class Published:
    model: str
    version: int
    new: bool


def publish(exported: Path, root: Path, model: str) -> Published:
    """Puts an exported model into the tree as its next version, whole or not at all.

    exported: what `pipelines export` writes: model/, signature.json, golden.json. Content that is
    there already makes no new version.
    """
    source, signature = exported / "model", exported / SIGNATURE
    if not (source / GRAPH).is_file() or not signature.is_file():
        raise Refused(
            f"{exported}: no {GRAPH} or no {SIGNATURE} in it; run `dvc repro export@{model}`"
        )
    digest = arrays.digest(source)
    if digest != json.loads(signature.read_text("utf-8"))["digest"]:
        raise Refused(f"{source}: its content is not what {signature} says; export it again")
    present = versions(root / model)
    for number, folder in present.items():
        if content(folder) == digest:
            return Published(model, number, new=False)
    number = max(present, default=0) + 1
    with atomic.folder(root / model / str(number)) as folder:
        shutil.copytree(source, folder, dirs_exist_ok=True)
        for name in (SIGNATURE, GOLDEN):
            shutil.copyfile(exported / name, folder / name)
        (folder / CONTENT).write_text(f"{digest}\n", "utf-8")
    return Published(model, number, new=True)


def content(folder: Path) -> str | None:
    """The digest that was published with a version; None for a version from elsewhere."""
    path = folder / CONTENT
    return path.read_text("utf-8").strip() if path.is_file() else None
