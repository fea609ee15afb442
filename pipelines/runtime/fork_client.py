"""Hands a stage to the fork server: the side of the caller and that of the child.

Standard library only: the caller imports nothing heavy, and may be any Python.

One connection is one stage. The caller sends one byte with four descriptors (its standard streams
and a pipe), reads `+` once a child was forked, writes {argv, cwd, environ, umask} into the pipe,
sends one byte a signal, and at last reads the child's exit status (`0`, `2`, `-15`, ...).

Not carried over: open descriptors above 2, resource limits, scheduling priority, interpreter
options such as `-W`. The child has those of the fork server.
"""

import contextlib
import hashlib
import importlib
import json
import os
import resource
import runpy
import signal
import socket
import sys
from pathlib import Path

ADDRESS = "PIPELINES_FORKSERVER"
SERVED = "PIPELINES_SERVED"  # tells the child to run the stage, not to hand it over

# Quiet and offline, unless the user has set them otherwise. TensorFlow's C++ code logs unknown
# attributes of its own graphs as errors; real errors are raised in Python as well.
# KERAS_BACKEND and TF_DETERMINISTIC_OPS are left alone: they change results.
DEFAULTS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    "MPLBACKEND": "Agg",
}

# Read once, at interpreter start or import, by Python and the C library (first two lines), by the
# numeric libraries and device drivers (next two) and by the packages (last two). A child forked
# later would not see a change, so server and stage must agree on all of them. PYTHONHASHSEED is
# among them: a stage has the hash seed of its environment or, if none is set, one random seed
# shared by all children of a server. Everything else (DVC_*, PATH, ...) is read when used.
READ_AT_IMPORT = (
    *("PYTHON", "LD_", "DYLD_", "MALLOC_", "GLIBC_", "ASAN_"),
    *("HOME", "TMPDIR", "TZ", "LANG", "LC_", "XDG_"),
    *("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_", "VECLIB_", "NUMEXPR_", "NPY_"),
    *("CUDA_", "CUDNN_", "NVIDIA_", "NCCL_", "HIP_", "ROCR_", "XLA_", "TPU_"),
    *("KERAS_", "TF_", "JAX_", "ABSL_", "GRPC_", "PROTOCOL_BUFFERS_"),
    *("MLFLOW_", "MPL", "MATPLOTLIB", "SKLEARN_", "ARROW_", "DO_NOT_TRACK", "GIT_PYTHON_"),
)

# The signals that the caller passes on. A terminal's stop signal would be
# ignored by the child, which has no terminal, so SIGSTOP is sent.
RELAYED = {
    signal.SIGINT: signal.SIGINT,
    signal.SIGTERM: signal.SIGTERM,
    signal.SIGHUP: signal.SIGHUP,
    signal.SIGQUIT: signal.SIGQUIT,
    signal.SIGTSTP: signal.SIGSTOP,
    signal.SIGCONT: signal.SIGCONT,
}


def fingerprint(prefix: str) -> str:
    """Names the installation at `prefix` and the variables that its packages read at import."""
    read = {name: os.environ[name] for name in os.environ if name.startswith(READ_AT_IMPORT)}
    agreed = json.dumps([str(Path(prefix).resolve()), read], sort_keys=True)
    return hashlib.sha256(agreed.encode()).hexdigest()[:16]


def hand_over(address: str, prefix: str) -> int | None:
    """Lets a child of the server at `address` do the work of this process.

    The socket is named after the server's fingerprint. Returns the exit status, negative for
    death by that signal, or None if nothing was started and the stage should be run here: the
    socket has another fingerprint, no server listens, or the server died while it was importing.
    """
    if Path(address).name != fingerprint(prefix):
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address)
            orders = _request_child(connection)
        except OSError:
            return None
        if orders is None:
            return None
        _relay_signals(connection)
        # A child that has ended already has a status to report: an unread pipe is no failure.
        with contextlib.suppress(BrokenPipeError), os.fdopen(orders, "w") as pipe:
            json.dump(_orders(), pipe)
        status = _receive(connection, 16)
    if not status:
        sys.exit("error: the fork server died while it ran this stage; run the command again")
    return int(status)


def wake(address: str) -> None:
    """Makes the server import its packages now: a stage that needs them will follow."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)


def _request_child(connection: socket.socket) -> int | None:
    """Waits for a child (for as long as the server imports); the pipe for its orders, or None."""
    reading, writing = os.pipe()
    try:
        socket.send_fds(connection, [b"+"], [0, 1, 2, reading])
    finally:
        os.close(reading)
    return writing if _receive(connection, 1) == b"+" else None


def _orders() -> dict:
    umask = os.umask(0)
    os.umask(umask)
    return {
        "argv": sys.argv,
        "cwd": str(Path.cwd()),
        "environ": {**os.environ, SERVED: "yes"},
        "umask": umask,
    }


def become_caller(descriptors: list[int]) -> None:
    """Turns a new child into `python -m pipelines ...` as its caller started it, and runs it."""
    *streams, orders = descriptors
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    with os.fdopen(orders) as pipe:
        text = pipe.read()
    if not text:
        os._exit(1)  # the caller left before it saw the `+`
    caller = json.loads(text)
    os.chdir(caller["cwd"])
    os.umask(caller["umask"])
    os.environ.clear()
    os.environ.update(caller["environ"])
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())
    sys.argv = caller["argv"]
    if not sys.flags.safe_path:
        sys.path[0] = caller["cwd"]
    # The project's code is read again, from the caller's folder and as it is now.
    for name in [name for name in sys.modules if name.split(".")[0] == "pipelines"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    # Python's own generator is reseeded at every fork; numpy's would repeat itself in every child.
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    runpy.run_module("pipelines", run_name="__main__", alter_sys=True)


def _receive(connection: socket.socket, size: int) -> bytes:
    """The next bytes; none at the end, or if the connection was reset by a peer that died."""
    try:
        return connection.recv(size)
    except ConnectionResetError:
        return b""


def _relay_signals(connection: socket.socket) -> None:
    def relay(signum: int, frame) -> None:
        with contextlib.suppress(OSError):  # too late: the status is being sent
            connection.send(bytes([RELAYED[signum]]))
        if signum == signal.SIGTSTP:
            os.kill(os.getpid(), signal.SIGSTOP)

    for signum in RELAYED:
        # A signal that the caller ignores (nohup, a shell's `&`) stays ignored.
        if signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, relay)


def leave(status: int) -> None:
    """Ends this process with an exit status or, where it is negative, by that signal."""
    if status >= 0:
        sys.exit(status)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    # The process that crashed has left its core file; that of this process is of no use.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if -status not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
