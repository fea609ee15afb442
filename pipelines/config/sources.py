"""Whether sources of data sets and weights of warm starts are there, with names DVC can read."""

import os
from pathlib import Path

from pipelines.config.schema import Params
from pipelines.config.yaml_lines import YamlFile

DOWNLOADS = Path("data/raw")  # what the stage fetch writes, one folder for a key
DATA = Path("data")  # of the stages


def check_sources(params_file: Path, params: Params) -> None:
    """Refuses a source that is not there and that no download gives.

    Args:
        params_file: whose data sets are checked; those of its `shared` file are not.
        params: what was read from it.

    Raises:
        UserError: `file-missing`, and `name-not-utf8` for a name that DVC cannot read.
    """
    file = YamlFile(params_file)
    for key in file.values.get("datasets") or {}:
        source = Path(params.datasets[key].source)
        place = ("datasets", key, "source")
        if not source.exists():
            if _is_made(source, params):
                continue
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


def check_weights(params_file: Path, params: Params) -> None:
    """Refuses weights that are not there and that no download or experiment gives.

    Raises:
        UserError: `weights-remote` for a preset on the internet, which is never downloaded by its
            name alone; otherwise `file-missing`.
    """
    file = YamlFile(params_file)
    for key in file.values.get("warm_starts") or {}:
        name = params.warm_starts[key].weights
        place = ("warm_starts", key, "weights")
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
