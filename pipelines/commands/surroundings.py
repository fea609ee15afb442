"""What DVC would refuse only after the work was done: no repository, folders that are links, and
names that two graphs share.
"""

import shlex
from collections.abc import Iterator
from pathlib import Path

from pipelines.commands.graphs import PARAMS
from pipelines.config.errors import UserError
from pipelines.config.mistakes import Mistakes
from pipelines.config.yaml_lines import YamlFile

FILES = (Path("params.yaml"), *map(Path, PARAMS.values()))
# Where stages write to; a link on the way out of the repository is refused by DVC.
WRITTEN = ("data", *(f"data/{name}" for name in (
    "raw", "prepared", "trained", "baselines", "metrics", "exported",
)))  # fmt: skip
# Sections that share a folder; the keys of a folder must differ in all graphs.
FOLDERS = {
    "data/prepared": ("datasets", "warm_starts"),
    "data/raw": ("downloads",),
    "data/trained": ("experiments",),
}


def mistakes(params_file: Path) -> Mistakes:
    """What would stop DVC: `repository-missing`, `folder-is-link` and `name-duplicate`."""
    result = Mistakes()
    if Path(".dvc").is_dir():
        with result.collected():
            check_repository()
        for folder in map(Path, WRITTEN):
            with result.collected():
                check_link(folder)
    result.extend(shared_names(params_file))
    return result


def check_repository() -> None:
    """DVC needs Git's folder, which a downloaded zip of the project has not."""
    folder = Path.cwd()
    present = any((parent / ".git").exists() for parent in (folder, *folder.parents))
    configs = (Path(".dvc") / name for name in ("config", "config.local"))
    if not present and not any("no_scm" in path.read_text() for path in configs if path.is_file()):
        raise UserError(
            "repository-missing",
            "not a Git repository, which DVC needs; make it one: git init",
            path=folder,
        )


def check_link(folder: Path) -> None:
    target = folder.resolve()
    if folder.is_symlink() and not target.is_relative_to(Path.cwd().resolve()):
        cache = shlex.quote(str(target.with_name(f"{target.name}-cache")))
        raise UserError(
            "folder-is-link",
            f"a link to {target}, and DVC refuses outputs outside of the repository; move it "
            "back and let DVC's cache be on the other disk, with links to it: "
            f"rm {folder} && mv {shlex.quote(str(target))} {folder} && "
            f"dvc cache dir --local {cache} && dvc config --local cache.type symlink,copy",
            path=folder, value=str(target),
        )  # fmt: skip


def shared_names(params_file: Path) -> Iterator[UserError]:
    """Two graphs write to one folder a key, so a key may be in one graph only."""
    graphs = [path for path in FILES if path.is_file()]
    if params_file.resolve() not in {path.resolve() for path in graphs}:
        return
    file = YamlFile(params_file)
    for other in graphs:
        if other.resolve() == params_file.resolve():
            continue
        try:
            values = YamlFile(other).values
        except UserError:
            continue  # `check` of that file says what is wrong with it
        for folder, sections in FOLDERS.items():
            taken = keys(values, sections)
            for section in sections:
                for key in sorted(keys(file.values, (section,)) & taken):
                    yield file.error(
                        "name-duplicate", (section, key),
                        f"{other} has this name as well, and both would write to "
                        f"{folder}/{key}; rename one of them",
                        key,
                    )  # fmt: skip


def keys(values: dict, sections: tuple[str, ...]) -> set[str]:
    """The keys of the sections, of those that are mappings."""
    mappings = (values.get(section) for section in sections)
    return {str(key) for mapping in mappings if isinstance(mapping, dict) for key in mapping}
