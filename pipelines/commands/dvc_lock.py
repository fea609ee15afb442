"""dvc.lock: the stages of a pipeline as they last ran."""

from pathlib import Path

import yaml


def stages(pipeline: Path) -> dict[str, dict]:
    """The stages in the lock file of a dvc.yaml; none if there is no such file."""
    lock = pipeline.with_suffix(".lock")
    if not lock.is_file():
        return {}
    return yaml.CSafeLoader(lock.read_text("utf-8")).get_single_data()["stages"]
