"""What failed while a graph ran: each process adds a line to a file that the environment names."""

import json
import os
from pathlib import Path
from typing import NamedTuple

VARIABLE = "PIPELINES_FAILURES"


class Failure(NamedTuple):
    """stage, key: what did not end well. message: the first line of why."""

    stage: str
    key: str | None
    message: str


def record(stage: str, key: str | None, message: str) -> None:
    """Adds a failure to the file, where there is one."""
    path = os.environ.get(VARIABLE)
    if path:
        values = Failure(stage, key, message.strip().split("\n", 1)[0])._asdict()
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(values) + "\n")


def read(path: Path) -> list[Failure]:
    """The failures, the first of each stage and key.

    `export` runs `verify` of the folder it has written in a process of its own: what that says is
    why the export failed.
    """
    if not path.is_file():
        return []
    result: dict[tuple[str, str | None], Failure] = {}
    of_verify: dict[str, str] = {}  # experiment -> message
    for line in path.read_text("utf-8").splitlines():
        failure = Failure(**json.loads(line))
        if failure.stage == "verify":
            # The folder is not in place yet: .tmp-<pid>-<random>-<experiment> (storage/atomic.py).
            of_verify[Path(failure.key or "").name.split("-", 3)[-1]] = failure.message
            continue
        if failure.stage == "export" and failure.key in of_verify:
            failure = failure._replace(message=of_verify[failure.key])
        result.setdefault((failure.stage, failure.key), failure)
    return list(result.values())
