"""Remembers every run and every registered model. The only package that imports mlflow.

    with tracking.start("text_classification", "sms_gru", identity=..., params=..., ...) as run:
        run.metrics({"train/loss": 0.4, "val/loss": 0.5}, step=0)
        Path("run.json").write_text(json.dumps(run.record()))
    with tracking.resume(record, files=Path("data/trained/sms_gru")) as run:
        run.results(Path("data/metrics/sms_gru/scores/tracked.json"))

Peculiarities:
- one run for each (code, data, params): a forced re-run that ends well soft-deletes the older one;
- no run stays RUNNING: it ends FINISHED, FAILED or KILLED, and what SIGKILL or a power cut left
  RUNNING is marked KILLED when the store is opened the next time;
- a run id that this store does not know is rebuilt from the files beside its `run.json`;
- an undefined metric is None, never NaN; non-finite values are refused;
- no global state of mlflow is used (no active run, no tracking URI set), so nothing leaks into
  child processes; no autolog; an error of the store is the caller's to see.
"""

import os

# Before mlflow is imported: no usage reports leave this machine, no pickle is loaded.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from pipelines.tracking.entries import identity_tags  # noqa: E402
from pipelines.tracking.experiments import describe_experiment  # noqa: E402
from pipelines.tracking.rebuild import restore, restore_all  # noqa: E402
from pipelines.tracking.registry import champion, promote, register, saved_model  # noqa: E402
from pipelines.tracking.runs import Run, resume, start  # noqa: E402
from pipelines.tracking.store import client  # noqa: E402

__all__ = [
    "Run",
    "champion",
    "client",
    "describe_experiment",
    "identity_tags",
    "promote",
    "register",
    "restore",
    "restore_all",
    "resume",
    "saved_model",
    "start",
]
