"""An archive as a folder, for recipes that read files by their paths."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.preparation import archives

ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".xz")
MAX_FILE_BYTES = 1 << 28


@contextmanager
def folder_of(source: Path) -> Iterator[Path]:
    """The source; of an archive a temporary folder with its files, under their names in it.

    Raises:
        UserError: the archive is damaged or unsafe, see archives.py.
    """
    if source.is_dir() or source.suffix not in ARCHIVES:
        yield source
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, data in archives.files(source, lambda name: True, MAX_FILE_BYTES):
            if data is not None:
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        yield folder
