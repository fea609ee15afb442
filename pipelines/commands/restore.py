"""Brings back to MLflow the runs whose files are here but which its store does not show.

That is so after `dvc pull` in a fresh clone, after mlflow.db was deleted, and where DVC took
results out of its cache whose run a later one had replaced.
"""

import json
from pathlib import Path

from pipelines import tracking
from pipelines.tracking import entries

TRAINED = Path("data/trained")


def run(params_file: Path) -> None:
    for run in tracking.restore_all(Path()):
        print(f"restored {run}")
    for run_id in revive_all():
        print(f"revived {run_id}")


def revive_all() -> list[str]:
    """Runs that were replaced and whose files are those at hand again: they live, once more."""
    revived = []
    for path in sorted(TRAINED.glob("*/run.json")):
        record = json.loads(path.read_text("utf-8"))
        if entries.find(record["run_id"]).info.lifecycle_stage != "active":
            with tracking.resume(record, files=path.parent) as run:
                revived.append(run.id)
    return revived
