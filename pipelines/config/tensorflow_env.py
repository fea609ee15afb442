"""TensorFlow on a machine without a GPU: its CUDA errors are hidden, all other messages are shown.

TensorFlow's wheel for Linux looks for CUDA when it is imported and again when devices are first
listed. Without a GPU it then prints "Could not find cuda drivers" and "failed call to cuInit",
which look like a failure and are none. No environment variable hides these lines alone:
TF_CPP_MIN_LOG_LEVEL=3 hides every error, and CUDA_VISIBLE_DEVICES=-1 changes nothing.
"""

import importlib.abc
import importlib.machinery
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GPU_DEVICES = ("nvidia*", "dxg")  # in /dev; the second: a GPU within WSL
# Also the line that oneDNN is used, and absl's that logging begins, which no level hides.
CUDA_MESSAGES = (
    r"cudart_stub\.cc.*Could not find cuda drivers|failed call to cuInit"
    r"|oneDNN custom operations are on|All log messages before absl::InitializeLog"
)
STDERR = 2  # the descriptor that C++ writes to


def hide_cuda_errors() -> None:
    """Makes the first `import tensorflow` of this process hide its CUDA errors, if it has no GPU.

    To be called before that import. It imports nothing itself, so that a process that needs no
    TensorFlow pays nothing. Calling it twice does no harm.
    """
    installed = any(isinstance(finder, _TensorFlowFinder) for finder in sys.meta_path)
    if not (installed or "tensorflow" in sys.modules or has_gpu()):
        sys.meta_path.insert(0, _TensorFlowFinder())


def has_gpu() -> bool:
    return any(any(Path("/dev").glob(pattern)) for pattern in GPU_DEVICES)


@contextmanager
def without_cuda_messages() -> Iterator[None]:
    """Passes everything that is written to standard error on, except lines about missing CUDA.

    A process of its own filters the lines: if TensorFlow ends this process, as it does on a CPU
    without AVX, its last message is still shown.
    """
    grep = shutil.which("grep")
    if grep is None or not _is_open(STDERR):
        yield
        return
    _flush()
    original = os.dup(STDERR)
    with subprocess.Popen(
        [grep, "-a", "-v", "-E", CUDA_MESSAGES],
        stdin=subprocess.PIPE, stdout=original, start_new_session=True,
    ) as lines:  # fmt: skip
        assert lines.stdin is not None  # a pipe
        os.dup2(lines.stdin.fileno(), STDERR)
        try:
            yield
        finally:
            _flush()
            os.dup2(original, STDERR)
            os.close(original)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()


class _TensorFlowFinder(importlib.abc.MetaPathFinder):
    """Wraps the first import of TensorFlow, and lists its devices once, in the filter."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "tensorflow":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module) -> None:
                sys.meta_path.remove(self)
                with without_cuda_messages():
                    execute(module)
                    module.config.list_physical_devices()

            spec.loader.exec_module = exec_module
        return spec
