"""CUDA errors of TensorFlow are hidden where there is no GPU, and nothing else is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.config import tensorflow_env

ROOT = Path(__file__).parents[2]
CUDA_WORDS = ("cuInit", "cuda drivers", "cudart_stub", "oneDNN", "InitializeLog")
MULTIPLY = """
import sys
from pipelines.config import tensorflow_env
tensorflow_env.hide_cuda_errors()
tensorflow_env.hide_cuda_errors()
assert "tensorflow" not in sys.modules
import tensorflow as tf
print("after the import", file=sys.stderr)
try:
    tf.raw_ops.MatMul(a=tf.ones((2, 2)), b=tf.ones((3, 3)))
except tf.errors.InvalidArgumentError:
    pass
"""
ABORT = """
import os
from pipelines.config import tensorflow_env
with tensorflow_env.without_cuda_messages():
    os.write(2, b"E cuda_platform.cc:52] failed call to cuInit: UNKNOWN ERROR\\n")
    os.write(2, b"F compiled to use AVX instructions, but these are not available\\n")
    os.abort()
"""


def stderr_of(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0"},
        capture_output=True, text=True, timeout=300,
    ).stderr  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(tensorflow_env.has_gpu(), reason="with a GPU, CUDA's messages are shown")
def test_no_cuda_error_is_printed_and_other_messages_are():
    messages = stderr_of(MULTIPLY)
    assert not any(word in messages for word in CUDA_WORDS), messages
    assert "after the import" in messages
    assert "Matrix size-incompatible" in messages  # a warning of TensorFlow's C++ code


def test_the_last_message_of_a_crash_is_shown():
    messages = stderr_of(ABORT)
    assert "compiled to use AVX" in messages
    assert "cuInit" not in messages


def test_with_a_gpu_nothing_is_changed(monkeypatch):
    monkeypatch.setattr(tensorflow_env, "has_gpu", lambda: True)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    finders = list(sys.meta_path)
    tensorflow_env.hide_cuda_errors()
    assert sys.meta_path == finders
