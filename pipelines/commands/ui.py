"""MLflow's page on this machine: `python -m pipelines ui`. Its port is MLFLOW_PORT, or 5000."""

import logging
import os
import socket
from pathlib import Path

import uvicorn

from pipelines.commands import restore
from pipelines.config.errors import UserError
from pipelines.tracking import location, page

HOST, PORT = "127.0.0.1", 5000  # MLflow has no authentication: this machine only


def run(params_file: Path) -> None:
    if not location.is_local():
        print(f"the runs are kept by MLFLOW_TRACKING_URI: {os.environ['MLFLOW_TRACKING_URI']}")
        return
    restore.run(params_file)
    port = free_port(os.environ.get("MLFLOW_PORT", str(PORT)))
    application = page.application()
    logging.disable(logging.INFO)
    print(f"MLflow: http://{HOST}:{port} (Ctrl-C ends it)", flush=True)
    uvicorn.run(application, host=HOST, port=port, log_level="warning", access_log=False)


def free_port(text: str) -> int:
    """The port as a number.

    Raises:
        UserError: `port-invalid`, `port-taken`.
    """
    if not (text.isdecimal() and 0 < int(text) < 2**16):
        raise UserError(
            "port-invalid", "not a port; give a number from 1 to 65535",
            key="MLFLOW_PORT", value=text,
        )  # fmt: skip
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(text)))
        except OSError as error:
            raise UserError(
                "port-taken",
                f"{error.strerror}; end the program that listens there, or take another port: "
                "MLFLOW_PORT=5001 make ui",
                key="MLFLOW_PORT", value=int(text),
            ) from error  # fmt: skip
    return int(text)
