"""The front door: `python3 -m pipelines <stage> [<key>] [--params FILE]`.

A stage is the module `pipelines/stages/<stage>.py` with `run(params_file, key)`; what takes no key
is `pipelines/commands/<command>.py` with `run(params_file)`. It is run by the first
of these that is there:

1. the fork server, for the stages that import TensorFlow, if one listens (see `forkserver`);
2. this Python, if it has the packages;
3. the nearest `.venv` in the working directory or above it (DVC runs queued experiments in
   copies of the repository, below the repository's own folder).

Exit status: the stage's own; 2 for a mistake in the command line or in the user's files, or a fault
of the machine, told in one sentence; death by the same signal where the stage was stopped by one.
"""

import argparse
import atexit
import importlib
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

from pipelines.config.errors import UserError
from pipelines.runtime import machine_errors, sqlite_retry, timing
from pipelines.runtime.fork_client import ADDRESS, DEFAULTS, SERVED, hand_over, leave

IMPORTS_TENSORFLOW = ("train", "evaluate", "export", "verify")
TRACKED = ("train", "evaluate", "export")
WITH_KEY = ("fetch", "prepare", "start", *IMPORTS_TENSORFLOW)
WITHOUT_KEY = ("check", "deps", "report", "restore", "results", "runs")
WITH_ARGUMENTS = ("init",)  # commands that read the rest of the command line themselves
SENT_ON = "PIPELINES_SENT_ON"


def main() -> int:
    options = parse(sys.argv[1:])
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    if os.environ.pop(SERVED, None):
        return answer(options, address=None)
    with timing.part("total"):
        # The address stays: a stage may have work done by `python -m pipelines` itself.
        return answer(options, os.environ.get(ADDRESS))


def answer(options: argparse.Namespace, address: str | None) -> int:
    """The exit status of the stage, run by whoever can."""
    sent_on = os.environ.pop(SENT_ON, None)
    try:
        prefix = installation(sent_on)
        if address and options.stage in IMPORTS_TENSORFLOW:
            status = hand_over(address, prefix)
            if status is not None:
                tell(machine_errors.of_death(status, options.stage, options.key))
                return status
        if prefix != sys.prefix:
            os.environ[SENT_ON] = prefix
            python = os.path.join(prefix, "bin", "python")  # noqa: PTH118 (never resolved)
            os.execv(python, [python, "-m", "pipelines", *sys.argv[1:]])
        return run_stage(options)
    except UserError as mistake:
        tell(str(mistake), mistake.code)
        return 2


def tell(mistake: str | None, code: str = "") -> None:
    if mistake:
        print(f"error[{code}]: {mistake}" if code else f"error: {mistake}", file=sys.stderr)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m pipelines", description="Runs one stage.")
    if arguments and arguments[0] in WITH_ARGUMENTS:
        return argparse.Namespace(stage=arguments[0], key=None, params=arguments[1:])
    parser.add_argument("stage", choices=WITH_KEY + WITHOUT_KEY + WITH_ARGUMENTS)
    parser.add_argument("key", nargs="?", help="a data set or an experiment in the params file")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), metavar="FILE")
    options = parser.parse_args(arguments)
    if options.stage in WITH_KEY and options.key is None:
        parser.error(f"{options.stage} needs the key of a data set or an experiment")
    if options.stage in WITHOUT_KEY and options.key is not None:
        parser.error(f"{options.stage} takes no key; found {options.key!r}")
    return options


def installation(sent_on: str | None) -> str:
    """The folder (a `sys.prefix`) of the Python that has the packages: this one or a `.venv`.

    UserError: there is none, or the `.venv` that sent the work on to this Python lacks them.
    """
    if find_spec("keras") is not None:
        return sys.prefix
    if sent_on is not None:
        raise UserError(f"{sent_on}: the packages are not installed there; run `make install`")
    here = Path.cwd()
    for folder in (here, *here.parents):
        if os.access(folder / ".venv/bin/python", os.X_OK):
            return str(folder / ".venv")
    raise UserError(
        f"{here}: {sys.executable} does not have the packages, and no folder from here up has a "
        f".venv; run `make install` in the repository"
    )


def run_stage(options: argparse.Namespace) -> int:
    """Imports the stage and runs it, here: in a process of its own or in the server's child.

    SIGINT raises KeyboardInterrupt, as ever. SIGTERM and SIGHUP raise SystemExit inside the stage,
    so that its context managers and exit functions run (a tracked run is closed, not left
    running); then the process dies by that signal, which is what its caller waits to see.
    """
    stopped_by: list[int] = []

    def stop(signum: int, frame) -> None:
        # Only the first counts: a repeated signal must not cut the cleaning up short.
        if not stopped_by:
            stopped_by.append(signum)
            raise SystemExit(128 + signum)

    for signum in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, stop)
    arguments = (options.params,) if options.key is None else (options.params, options.key)
    try:
        room = "stages" if options.stage in WITH_KEY else "commands"
        with timing.part("import"):
            stage = importlib.import_module(f"pipelines.{room}.{options.stage}")
        sqlite_retry.wait_when_locked()
        if options.stage in TRACKED:
            machine_errors.check_clock(Path.cwd())
        stage.run(*arguments)
    except machine_errors.kinds() as error:
        told = machine_errors.explained(error, options.stage, options.key)
        if told is None:
            raise
        raise UserError(told) from error
    finally:
        if stopped_by:
            die_by(stopped_by[0], sys.exception())
    return 0


def die_by(signum: int, error: BaseException | None) -> None:
    if not isinstance(error, SystemExit | None):
        sys.excepthook(type(error), error, error.__traceback__)
    atexit._run_exitfuncs()  # the interpreter's own way out is not taken
    leave(-signum)


if __name__ == "__main__":
    leave(main())
