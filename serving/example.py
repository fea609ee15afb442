"""Prints an example request for a version: its first golden example.

python -m serving.example data/served/spam_cnn/1
"""

import json
import shlex
import sys
from pathlib import Path
from urllib.parse import quote

from serving.servables import version_files

MAX_BODY_CHARACTERS = 1500  # of a request body that is printed within a command


def request_body(version: Path) -> str | None:
    """The body of a predict request; None if the version has no golden examples."""
    golden = version_files.read_golden(version)
    if golden is None:
        return None
    row = {name: rows[0] for name, rows in golden["inputs"].items()}
    instance = row if len(row) > 1 else next(iter(row.values()))
    return json.dumps({"instances": [instance]}, ensure_ascii=False)


def curl_command(
    base_url: str, model: str, version: Path, token_file: Path | None = None
) -> str | None:
    """A command that works when pasted into a shell.

    Args:
        base_url: http://host:port.
        model: name of the model.
        version: the version's folder, from which the example is read.
        token_file: its first token is sent.
    """
    body = request_body(version)
    if body is None:
        return None
    url = shlex.quote(f"{base_url}/v1/models/{quote(model)}:predict")
    if token_file is not None:
        url += f' -H "Authorization: Bearer $(head -n 1 {shlex.quote(str(token_file))})"'
    if len(body) <= MAX_BODY_CHARACTERS:
        return f"curl -s {url} -d {shlex.quote(body)}"
    source = shlex.join([sys.executable, "-m", "serving.example", str(version)])
    return f"{source} | curl -s {url} -d @-"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(request_body(Path(sys.argv[1])))
