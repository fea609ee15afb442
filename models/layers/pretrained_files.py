"""Weights that Keras downloads: without the internet, one sentence says how to give the file."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.config.errors import UserError


@contextmanager
def downloads(weights: str) -> Iterator[None]:
    """A block in which Keras may fetch files.

    Args:
        weights: the option's value, for the error.

    Raises:
        UserError: `download-failed`, where it cannot, with the folder that Keras looks in.
    """
    try:
        yield
    except Exception as error:  # Keras raises the class itself, with the address in its text
        address = re.search(r"URL fetch failure on (\S+):", str(error))
        if address is None:
            raise
        reason = str(error)[address.end() :].removeprefix(" None").strip(" -")
        home = Path(os.environ.get("KERAS_HOME", "~/.keras"))
        raise UserError(
            "download-failed",
            f"{address[1]} cannot be fetched ({reason}); fetch it on another computer and put it "
            f"into {home / 'models'}, or give a file: see `weights` in models/transfer.py",
            key="build.weights", value=weights,
        ) from None  # fmt: skip
