"""An address of a store that cannot work is refused at once, in one sentence with a cure."""

import os
import shlex
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base
from sqlalchemy import create_engine

from pipelines import tracking
from pipelines.config.errors import UserError
from pipelines.tracking import address, store

ROOT = Path(__file__).parents[2]
OPTIONS = {
    "identity": {"code": "c", "data": "d", "params": "p"},
    "params": {}, "tags": {}, "dataset": None,
}  # fmt: skip
JSON, HTML = "application/json", "text/html"


@pytest.fixture
def answer(empty_folder):
    """Starts a server that answers every request alike; returns its address without a scheme."""
    servers = []

    def start(status: int, kind: str = JSON, body: bytes = b"{}") -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def refused(monkeypatch, uri: str) -> UserError:
    """What a stage says with this address, within seconds."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    started = time.monotonic()
    with pytest.raises(UserError) as error, tracking.start("task", "key", **OPTIONS):
        pytest.fail("must not be entered")
    assert time.monotonic() - started < 8
    assert error.value.key == "MLFLOW_TRACKING_URI"
    assert "\n" not in str(error.value)
    return error.value


@pytest.mark.parametrize(
    "uri",
    [
        "file:./mlruns", "file:///tmp/mlruns", "./mlruns", "mlruns", "/tmp/mlruns", "~/mlruns",
        "localhost:5000", "127.0.0.1:5000", "mlflow.example.org", "ftp://host/x", " ",
        "http://", "https:localhost:5000", "http:///mlflow", "http://host:port", "http://host:99999",
    ],
)  # fmt: skip
def test_an_address_that_names_no_store(empty_folder, monkeypatch, uri):
    error = refused(monkeypatch, uri)
    assert (error.code, error.value) == ("tracking-uri-invalid", uri)
    assert not list(Path().iterdir()), "nothing is written"


def test_the_address_with_the_scheme_works(answer, monkeypatch):
    error = refused(monkeypatch, answer(200))
    address.check(error.message.partition("try ")[2].partition(",")[0])


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, HTML, "tracking-refused"),
        (403, JSON, "tracking-refused"),
        (404, JSON, "tracking-uri-invalid"),
        (200, HTML, "tracking-uri-invalid"),
        (500, HTML, "tracking-unreachable"),
        (503, JSON, "tracking-unreachable"),
    ],
)
def test_a_server_that_does_not_let_us_in(answer, monkeypatch, status, kind, code):
    assert refused(monkeypatch, f"http://{answer(status, kind)}").code == code


def test_a_server_that_is_not_there(empty_folder, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://me:secret@127.0.0.1:{free.getsockname()[1]}"
        error = refused(monkeypatch, uri)
    assert error.code == "tracking-unreachable"
    assert "secret" not in str(error) and "secret" not in error.value


def test_a_server_that_never_answers(empty_folder, monkeypatch):
    monkeypatch.setattr(address, "TIMEOUT_S", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        error = refused(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert error.code == "tracking-unreachable"


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:////nowhere/at/all/mlflow.db", "postgresql://me:secret@127.0.0.1:1/mlflow",
        "mysql+pymysql://me:secret@127.0.0.1:1/mlflow", "mssql://me:secret@127.0.0.1:1/mlflow",
        "sqlite+nodriver:///mlflow.db",
    ],
)  # fmt: skip
def test_a_database_that_cannot_be_opened(empty_folder, monkeypatch, uri):
    error = refused(monkeypatch, uri)
    assert error.code == "tracking-unreachable" and "secret" not in str(error)


def test_a_database_that_can_be_opened(empty_folder, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{Path.cwd()}/other.db")
    with tracking.start("task", "key", **OPTIONS) as run:
        run.metrics({"val/loss": 0.5})
    assert not Path("mlflow.db").exists()


def shell(line: str) -> None:
    path = f"{sys.prefix}/bin:{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    subprocess.run(line, shell=True, check=True, env=environ, capture_output=True)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder whose name a shell and SQLAlchemy would both read otherwise."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "my 100% project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.slow
def test_a_database_of_an_earlier_mlflow_can_be_upgraded(project, monkeypatch):
    uri = f"sqlite:///{project.parent}/mlflow.db"
    engine = create_engine(uri)
    Base.metadata.create_all(engine)
    config = _get_alembic_config(uri)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        earlier = ScriptDirectory.from_config(config).get_revision("head").down_revision
        command.upgrade(config, earlier)
    engine.dispose()
    (project.parent / "mlflow.db").rename(project / "mlflow.db")
    # Missing tables MLflow would add by itself; it does not add columns.
    monkeypatch.setattr("mlflow.store.db.utils._all_tables_exist", lambda engine: True)
    with pytest.raises(UserError) as error, tracking.start("task", "key", **OPTIONS):
        pytest.fail("must not be entered")
    assert (error.value.code, error.value.path) == ("store-version", "mlflow.db")
    assert error.value.value == earlier
    shell(error.value.message.partition("upgrade it: ")[2])
    assert (project / "mlflow.db.before").is_file()
    with tracking.start("task", "key", **OPTIONS) as run:
        run.metrics({"val/loss": 0.5})


@pytest.mark.slow
def test_a_database_of_a_later_mlflow_can_be_made_again(project):
    store._prepare(project)
    with closing(sqlite3.connect("mlflow.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    for _ in range(2):  # the error does not leave a store behind that seems to be open
        with pytest.raises(UserError) as error, tracking.start("task", "key", **OPTIONS):
            pytest.fail("must not be entered")
        assert (error.value.code, error.value.value) == ("store-version", "ffffffffffff")
    shell(error.value.message.partition("rebuild it: ")[2])
    assert (project / "old_mlflow.db").is_file()
    assert shlex.split(error.value.message)
