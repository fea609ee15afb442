"""Names in zip files as their makers meant them.

The format wants slashes, and UTF-8 with a flag or else code page 437. Windows tools write
backslashes, and macOS and others write UTF-8 without the flag.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from pipelines.config.errors import UserError

UTF8_FLAG = 0x800


def entries(archive: Path, opened: zipfile.ZipFile) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """(name, entry) of every member; the name of a folder ends with a slash.

    Raises:
        UserError: `archive-names` for names whose encoding cannot be known.
    """
    guessed = []
    for info in opened.infolist():
        name = info.filename
        if not info.flag_bits & UTF8_FLAG and not name.isascii():
            name, is_utf8 = _decoded(archive, name)
            guessed += [] if is_utf8 else [name]
        yield name.replace("\\", "/"), info
    if guessed:
        print(
            f"{archive}: {len(guessed)} names without a sign of their encoding read as code page "
            f"437: {', '.join(guessed[:3])}; if that is wrong, unpack the archive and give the "
            "folder"
        )


def _decoded(archive: Path, name: str) -> tuple[str, bool]:
    """(the name, whether it is UTF-8) of a name that the library decoded by code page 437."""
    try:
        return name.encode("cp437").decode("utf-8"), True
    except UnicodeEncodeError:  # an extra field gave the name in Unicode
        return name, True
    except UnicodeDecodeError:
        if all(character.isascii() or character.isalpha() for character in name):
            return name, False
    raise UserError(
        "archive-names",
        f"the name {name!r} is in an encoding that the archive does not tell; unpack it and give "
        "the folder, or pack it again with UTF-8 names (7-Zip: method parameter cu=on)",
        path=archive, value=name,
    )  # fmt: skip
