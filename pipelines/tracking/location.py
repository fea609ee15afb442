"""Where the files of runs lie: below the project, and nowhere else.

MLflow keeps absolute paths. After a project was moved or copied, they still lead to the old place,
where it would create folders or overwrite the files of the original.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from mlflow.utils.file_utils import local_file_uri_to_path

from pipelines.config.errors import UserError

REBUILD = "for f in mlflow.db*; do mv $f old_$f; done; python -m pipelines restore"
CURE = (
    "(was the project moved, renamed or copied?); move it back, or rename the database and let "
    f"the runs be rebuilt from data/: {REBUILD}"
)


def is_local() -> bool:
    """Whether runs are kept in the project, and not where MLFLOW_TRACKING_URI says."""
    return not os.environ.get("MLFLOW_TRACKING_URI")


def database_uri(path: Path) -> str:
    """For SQLAlchemy, which reads `%20` as a space and `?` as the end of the path."""
    if not set("%?") & set(str(path)):
        return f"sqlite:///{path}"
    # With the driver named, as MLflow creates the folder of a `sqlite:///` address as it is spelt.
    return f"sqlite+pysqlite:///{str(path).replace('%', '%25').replace('?', '%3F')}"


def artifact_uri(folder: Path) -> str:
    """A path, as before, unless MLflow would read it as an address."""
    return folder.as_uri() if set("%?#") & set(str(folder)) else str(folder)


def check(uri: str, folder: Path, key: str) -> None:
    """Refuses a local address of artifacts that is not below the folder of this project.

    Args:
        uri: of a run's or an experiment's artifacts.
        folder: `mlruns` of this project.
        key: whose artifacts these are.
    """
    if urlsplit(uri).scheme not in ("", "file"):
        return  # a store that the user has chosen
    if not Path(local_file_uri_to_path(uri)).is_relative_to(folder):
        raise UserError(
            "artifacts-elsewhere",
            f"its files are in {uri}, not below {folder} {CURE}",
            path="mlflow.db",
            key=key,
            value=uri,
        )
