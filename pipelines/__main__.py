"""The front door: `python3 -m pipelines <stage> [<key>] [--params FILE]`.

A stage is the module `pipelines/stages/<stage>.py` with `run(params_file, key)`; what takes no key
is `pipelines/commands/<command>.py` with `run(params_file)`. It is run by the first that exists of:

1. the fork server, for the stages that import TensorFlow, if one listens (see `forkserver`);
2. this Python, if it has the packages;
3. the nearest `.venv` in the working directory or above it (DVC runs queued experiments in
   copies of the repository, below the repository's own folder).

Exit status: that of the stage; 2 for a mistake in the command line or in the user's files, or an
error of the operating system, which is printed in one sentence; death by the same signal if the
stage was stopped by one.
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
from pipelines.config.tensorflow_env import hide_cuda_errors
from pipelines.runtime import failures, machine_errors, memory, sqlite_retry, timing
from pipelines.runtime.fork_client import ADDRESS, DEFAULTS, SERVED, hand_over, leave, wake

IMPORTS_TENSORFLOW = ("train", "evaluate", "export", "verify")
TRACKED = ("train", "evaluate", "export")
WITH_KEY = ("fetch", "prepare", "warm_start", "baselines", *IMPORTS_TENSORFLOW)
WITHOUT_KEY = ("check", "code", "graphs", "report", "restore", "results", "runs", "ui")
# These read the rest of the command line themselves.
WITH_ARGUMENTS = ("help", "init", "predict", "repro")
SENT_BY = "PIPELINES_SENT_ON"  # the .venv that passed the work on to this Python


def main() -> int:
    options = parse(sys.argv[1:])
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    if os.environ.pop(SERVED, None):
        return execute(options, address=None)
    with timing.part("total"):
        # The address stays: a stage may have work done by `python -m pipelines` itself.
        return execute(options, os.environ.get(ADDRESS))


def execute(options: argparse.Namespace, address: str | None) -> int:
    """Runs the stage in the first available process; returns its exit status."""
    sent_by = os.environ.pop(SENT_BY, None)
    try:
        prefix = installation(sent_by)
        if address and options.stage in IMPORTS_TENSORFLOW:
            status = hand_over(address, prefix)
            if status is not None:
                print_error(machine_errors.death_error(status, options.stage, options.key), options)
                return status
        elif address:
            wake(address)
        if prefix != sys.prefix:
            os.environ[SENT_BY] = prefix
            python = os.path.join(prefix, "bin", "python")  # noqa: PTH118 (never resolved)
            os.execv(python, [python, "-m", "pipelines", *sys.argv[1:]])
        return run_stage(options)
    except UserError as mistake:
        print_error(mistake, options)
        return 2
    except Exception as error:
        failures.record(options.stage, options.key, f"{type(error).__name__}: {error}")
        raise


def print_error(mistake: UserError | None, options: argparse.Namespace) -> None:
    if mistake is not None:
        print(f"error[{mistake.code}]: {mistake}", file=sys.stderr)
        failures.record(options.stage, options.key, f"error[{mistake.code}]: {mistake}")


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


def installation(sent_by: str | None) -> str:
    """The folder (a `sys.prefix`) of the Python that has the packages: this one or a `.venv`.

    Raises:
        UserError: there is none, or the `.venv` that passed the work on to this Python lacks them.
    """
    if find_spec("keras") is not None:
        return sys.prefix
    if sent_by is not None:
        raise UserError(
            "packages-missing",
            "the packages are not installed there; run `make install`",
            path=sent_by,
        )
    working_folder = Path.cwd()
    for folder in (working_folder, *working_folder.parents):
        if os.access(folder / ".venv/bin/python", os.X_OK):
            return str(folder / ".venv")
    raise UserError(
        "packages-missing",
        f"{sys.executable} does not have the packages, and neither this folder nor one above it "
        "has a .venv; run `make install` in the repository",
        path=working_folder,
    )


def run_stage(options: argparse.Namespace) -> int:
    """Imports the stage and runs it in this process: a new one, or a child of the fork server.

    SIGINT raises KeyboardInterrupt, as usual. SIGTERM and SIGHUP raise SystemExit inside the stage,
    so that its context managers and exit functions run (a tracked run is closed, not left
    running); then the process dies by that signal, which is what its caller waits to see.
    """
    stopped_by: list[int] = []

    def stop(signum: int, frame) -> None:
        # Only the first counts: a repeated signal must not interrupt the cleaning up.
        if not stopped_by:
            stopped_by.append(signum)
            raise SystemExit(128 + signum)

    for signum in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, stop)
    arguments = (options.params,) if options.key is None else (options.params, options.key)
    try:
        room = "stages" if options.stage in (*WITH_KEY, "code") else "commands"
        if options.stage in (*IMPORTS_TENSORFLOW, "predict"):
            hide_cuda_errors()
        if options.stage == "train":
            memory.keep_freed_memory()
        with timing.part("import"):
            stage = importlib.import_module(f"pipelines.{room}.{options.stage}")
        sqlite_retry.wait_when_locked()
        if options.stage in TRACKED:
            machine_errors.check_clock(Path.cwd())
        stage.run(*arguments)
    except machine_errors.os_errors() as error:
        mistake = machine_errors.user_error(error, options.stage, options.key)
        if mistake is None:
            raise
        raise mistake from error
    finally:
        if stopped_by:
            die_by(stopped_by[0], sys.exception())
    return 0


def die_by(signum: int, error: BaseException | None) -> None:
    if not isinstance(error, SystemExit | None):
        sys.excepthook(type(error), error, error.__traceback__)
    atexit._run_exitfuncs()  # a process that dies by a signal does not run them
    leave(-signum)


if __name__ == "__main__":
    leave(main())
