"""Whether sources of data sets and weights of warm starts are there, with names DVC can read."""

import os
from pathlib import Path

from pipelines.config.errors import UserError
from pipelines.config.mistakes import Mistakes
from pipelines.config.schema import Params
from pipelines.config.yaml_lines import YamlFile

DOWNLOADS = Path("data/raw")  # what the stage fetch writes, one folder for a key
DATA = Path("data")  # of the stages


def check_sources(params_file: Path, params: Params) -> list[UserError]:
    """Sources that are not there and that no download gives, or whose names DVC cannot read.

    Args:
        params_file: whose data sets are checked; those of its `shared` file are not.
        params: what was read from it.

    Returns:
        `file-missing` and `name-not-utf8`, one for each source.
    """
    file, mistakes = YamlFile(params_file), Mistakes()
    datasets = file.values.get("datasets")
    for key, block in datasets.items() if isinstance(datasets, dict) else ():
        source = block.get("source") if isinstance(block, dict) else None
        if isinstance(source, str):
            with mistakes.collected():
                _check_source(file, ("datasets", str(key), "source"), Path(source), params)
    return mistakes


def _check_source(file: YamlFile, place: tuple, source: Path, params: Params) -> None:
    if not source.exists():
        if _is_made(source, params):
            return
        near = _nearest(source)
        raise file.error(
            "file-missing", place,
            f"no such file or folder; {near} is there: correct the path, which is relative to "
            "the folder of the project", str(source),
        )  # fmt: skip
    if name := _name_not_utf8(source):
        raise file.error(
            "name-not-utf8", place,
            f"the name {name} is not UTF-8, and DVC cannot read it; rename it (on Linux: "
            "convmv -f cp1252 -t utf-8 -r --notest FOLDER)", name,
        )  # fmt: skip


def check_weights(params_file: Path, params: Params) -> list[UserError]:
    """Weights that are not there and that no download or experiment gives.

    Returns:
        `weights-remote` for a preset on the internet, which is never downloaded by its name alone;
        otherwise `file-missing`.
    """
    file, mistakes = YamlFile(params_file), Mistakes()
    blocks = file.values.get("warm_starts")
    for key, block in blocks.items() if isinstance(blocks, dict) else ():
        name = block.get("weights") if isinstance(block, dict) else None
        if isinstance(name, str):
            with mistakes.collected():
                _check_weights(file, ("warm_starts", str(key), "weights"), name, params)
    return mistakes


def _check_weights(file: YamlFile, place: tuple, name: str, params: Params) -> None:
    if "://" in name:
        raise file.error(
            "weights-remote", place,
            "an address: weights are read from this computer; name its files under `downloads` "
            "and write data/raw/<key> here, or give a folder with them", name,
        )  # fmt: skip
    weights = Path(name)
    made = _is_made(weights, params) or weights.is_relative_to(DATA / "trained")
    if not made and not weights.exists():
        raise file.error(
            "file-missing", place,
            f"no such file or folder; {_nearest(weights)} is there: give a file, a folder with "
            "an encoder's files, data/raw/<key of a download> or data/trained/<experiment>; "
            "presets are not downloaded by name", name,
        )  # fmt: skip


def _is_made(source: Path, params: Params) -> bool:
    """Whether a stage makes it: `fetch` for the downloads."""
    if source.is_relative_to(DOWNLOADS):
        return source == DOWNLOADS or source.relative_to(DOWNLOADS).parts[0] in params.downloads
    return source.is_relative_to(DATA / "prepared")


def _nearest(source: Path) -> Path:
    """The longest part of the path that exists."""
    return next((folder for folder in source.parents if folder.exists()), Path())


def _name_not_utf8(source: Path) -> str | None:
    for _, folders, files in os.walk(os.fsencode(source)):
        for name in (*folders, *files):
            try:
                name.decode("utf-8")
            except UnicodeDecodeError:
                return name.decode("utf-8", "backslashreplace")
    return None
