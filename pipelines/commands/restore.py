"""Brings back to MLflow the runs whose files are here but which its store does not show.

That is so after `dvc pull` in a fresh clone, after mlflow.db was deleted, and where DVC took
results out of its cache whose run a later one had replaced.
"""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

TRAINED = Path("data/trained")
STORE = Path("mlflow.db")
# The runs that a run.json may name: an active run, by its id or by the id that it was rebuilt from.
ACTIVE_IDS = """
    SELECT run_uuid, artifact_uri FROM runs WHERE lifecycle_stage = 'active' UNION
    SELECT value, artifact_uri FROM tags JOIN runs USING (run_uuid)
    WHERE key = 'original_run_id' AND lifecycle_stage = 'active'
"""


def run(params_file: Path) -> None:
    if is_complete():
        return
    from pipelines import tracking  # imports MLflow, which takes seconds

    for restored in tracking.restore_all(Path()):
        print(f"restored {restored}")
    for run_id in undelete_all():
        print(f"undeleted {run_id}")


def is_complete() -> bool:
    """Whether there is nothing to restore, read from the local database without MLflow.

    False where that cannot be seen: the store is a server, the schema is another one, a run is
    RUNNING, so that its process has to be looked up, or the files of a run lie elsewhere.
    """
    if os.environ.get("MLFLOW_TRACKING_URI") or not STORE.is_file():
        return False
    paths = [*TRAINED.glob("*/run.json"), *TRAINED.glob("*/*/run.json")]
    needed = {json.loads(path.read_text("utf-8"))["run_id"] for path in paths}
    artifacts = Path.cwd().resolve() / "mlruns"
    here = (f"{artifacts}/", f"{artifacts.as_uri()}/")
    try:
        with closing(sqlite3.connect(f"file:{STORE}?mode=ro", uri=True)) as database:
            if database.execute("SELECT 1 FROM runs WHERE status = 'RUNNING'").fetchone():
                return False
            active = database.execute(ACTIVE_IDS).fetchall()
            return needed <= {run_id for run_id, uri in active if uri.startswith(here)}
    except sqlite3.Error:
        return False  # MLflow waits for a lock and reports a damaged file


def undelete_all() -> list[str]:
    """Restores the replaced runs whose files are those at hand again; returns their ids."""
    from pipelines import tracking
    from pipelines.tracking import entries

    restored = []
    for path in sorted(TRAINED.glob("*/run.json")):
        record = json.loads(path.read_text("utf-8"))
        if entries.find(record["run_id"]).info.lifecycle_stage != "active":
            with tracking.resume(record, files=path.parent) as resumed:
                restored.append(resumed.id)
    return restored
