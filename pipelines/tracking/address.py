"""Whether the store can be used at all: said in one sentence, before anything is tried for minutes.

MLflow repeats what fails: four minutes for a server that is not there, and it ends in a traceback.
"""

import shlex
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy
from alembic.script import ScriptDirectory
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _get_alembic_config
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from pipelines.config.errors import UserError
from pipelines.tracking import location

VARIABLE = "MLFLOW_TRACKING_URI"
SERVERS, DATABASES = ("http", "https"), ("sqlite", "postgresql", "mysql", "mssql")
LEFT_TO_MLFLOW = ("databricks", "databricks-uc", "uc")
TIMEOUT_S = 10
UNSET = f"or unset {VARIABLE}, to keep the runs in mlflow.db"
REASONS = {
    401: "the server asks for a user and a password; set MLFLOW_TRACKING_USERNAME and "
    "MLFLOW_TRACKING_PASSWORD (or MLFLOW_TRACKING_TOKEN)",
    403: "the server does not allow this user to read its experiments; give it the right, or set "
    "another MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
}


def check(uri: str) -> None:
    """Refuses a value of MLFLOW_TRACKING_URI that cannot work.

    Raises:
        UserError: `tracking-uri-invalid`, `tracking-refused` or `tracking-unreachable`.
    """
    scheme = urlsplit(uri).scheme.partition("+")[0].lower()
    if scheme in LEFT_TO_MLFLOW or uri in LEFT_TO_MLFLOW:
        return
    if scheme in SERVERS:
        _check_server(uri)
    elif scheme in DATABASES:
        _check_database(uri)
    else:
        raise _error("tracking-uri-invalid", uri, _why_invalid(uri, scheme))


def _why_invalid(uri: str, scheme: str) -> str:
    accepted = "accepted: http://HOST:PORT, https://HOST, sqlite:///FILE and other databases"
    if scheme == "file" or uri.startswith((".", "/", "~")):
        return f"runs cannot be kept in a folder of files; {accepted}"
    return f"the address does not begin with http:// or https://; {accepted}; try http://{uri}"


def _check_server(uri: str) -> None:
    try:
        parts = urlsplit(uri)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not named:
        raise _error("tracking-uri-invalid", uri, "no host and port in it; write http://HOST:PORT")
    try:
        response = http_request(
            get_default_host_creds(uri), "/api/2.0/mlflow/experiments/search", "POST",
            json={"max_results": 1}, max_retries=0, timeout=TIMEOUT_S, raise_on_status=False,
        )  # fmt: skip
    except Exception as error:  # of requests, urllib3, ssl or MLflow, by what is wrong
        raise _error(
            "tracking-unreachable", uri,
            f"no MLflow server answers there ({_first_line(error)}); start it (mlflow server "
            f"--host 127.0.0.1 --port {parts.port or 5000})",
        ) from error  # fmt: skip
    status = response.status_code
    if status in REASONS:
        raise _error("tracking-refused", uri, REASONS[status])
    if status >= 500:
        reason = f"the server there answers with status {status}; look into its log"
        raise _error("tracking-unreachable", uri, reason)
    if status != 200 or "json" not in response.headers.get("content-type", ""):
        reason = (
            f"what answers there (status {status}) is not an MLflow server; correct the address"
        )
        raise _error("tracking-uri-invalid", uri, reason)


def _check_database(uri: str) -> None:
    try:
        url = sqlalchemy.make_url(uri)
        options = {"connect_timeout": TIMEOUT_S}
        if url.get_backend_name() in ("sqlite", "mssql"):
            options = {}
        engine = sqlalchemy.create_engine(url, connect_args=options)
        try:
            with engine.connect():
                pass
        finally:
            engine.dispose()
    except Exception as error:  # of SQLAlchemy, the driver, or that there is no driver
        reason = f"the database cannot be opened ({_first_line(error)}); "
        cure = "create its folder, or correct the address"
        if isinstance(error, ImportError):
            cure = f"install the driver: python -m pip install {error.name}"
        elif not uri.startswith("sqlite"):
            cure = "start it, or correct the address"
        raise _error("tracking-unreachable", uri, reason + cure) from error


@contextmanager
def explained(uri: str, path: Path) -> Iterator[None]:
    """Turns MLflow's errors at the first use of a store into a sentence.

    Args:
        uri: of the store.
        path: of the local database, which is used where MLFLOW_TRACKING_URI is not set.
    """
    try:
        yield
    except MlflowException as error:
        if "database schema" in str(error):
            raise _of_another_version(uri, path) from error
        if not location.is_local():
            raise _error("tracking-refused", uri, f"MLflow says: {_first_line(error)}") from error
        raise


def _of_another_version(uri: str, path: Path) -> UserError:
    """The upgrade, if MLflow knows the version of the database: it may be of a later MLflow."""
    if not location.is_local():
        return _error(
            "store-version", uri,
            "the database is of another version of MLflow; make a copy of it, then run: "
            f"{_mlflow()} db upgrade {shlex.quote(uri)}",
        )  # fmt: skip
    with closing(sqlite3.connect(path)) as database:
        (version,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    script = ScriptDirectory.from_config(_get_alembic_config(uri))
    if version in {revision.revision for revision in script.walk_revisions()}:
        file, uri = shlex.quote(str(path)), shlex.quote(uri)
        cure = (
            "it is of an earlier version of MLflow; make a copy and upgrade it: "
            f"cp {file} {shlex.quote(f'{path}.before')} && {_mlflow()} db upgrade {uri}"
        )
    else:
        cure = (
            "it is of a later version of MLflow than the one installed; install that one, or "
            f"rename the database and rebuild it: {location.REBUILD}"
        )
    return UserError("store-version", cure, path=path.name, value=version)


def _mlflow() -> str:
    return shlex.quote(str(Path(sys.prefix, "bin", "mlflow")))


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]


def _error(code: str, uri: str, reason: str) -> UserError:
    shown = uri
    if (password := urlsplit(uri).password) is not None:
        shown = uri.replace(f":{password}@", ":***@")
        reason = reason.replace(password, "***")
    return UserError(code, f"{shown}: {reason}, {UNSET}", key=VARIABLE, value=shown)
