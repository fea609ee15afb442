"""A request for people to try: the first golden row of a version.

python -m serving.example data/served/spam_cnn/1
"""

import json
import shlex
import sys
from pathlib import Path
from urllib.parse import quote

from serving.servables import repository

LONGEST = 1500  # characters of a body that a command line still shows


def body(version: Path) -> str | None:
    """None where a version has no golden examples."""
    path = version / repository.GOLDEN
    if not path.is_file():
        return None
    columns = json.loads(path.read_text("utf-8"))["inputs"]
    row = {name: rows[0] for name, rows in columns.items()}
    instance = row if len(row) > 1 else next(iter(row.values()))
    return json.dumps({"instances": [instance]}, ensure_ascii=False)


def command(base: str, model: str, version: Path) -> str | None:
    """A curl line that works when pasted. base: http://host:port."""
    text = body(version)
    if text is None:
        return None
    url = shlex.quote(f"{base}/v1/models/{quote(model)}:predict")
    if len(text) <= LONGEST:
        return f"curl -s {url} -d {shlex.quote(text)}"
    source = shlex.join([sys.executable, "-m", "serving.example", str(version)])
    return f"{source} | curl -s {url} -d @-"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(body(Path(sys.argv[1])))
