"""docs/reliability.json: the attempts of each drill, how many succeeded, and their seconds."""

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from pipelines.storage import atomic


@dataclass
class Count:
    """One drill. lost_s: the cost of each resumed attempt. names: the items that were attempted."""

    drill: str
    file: Path
    tried: int = 0
    survived: int = 0
    seconds: float = 0.0
    lost_s: list[float] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    date: str = ""

    @classmethod
    def load(cls, drill: str, file: Path) -> "Count":
        """The earlier counts, to be continued."""
        return cls(**{"drill": drill, "file": file, **read(file).get(drill, {})})

    def add(self, survived: bool, seconds: float, lost_s: float | None = None, name="") -> None:
        self.tried += 1
        self.survived += survived
        self.seconds = round(self.seconds + seconds, 1)
        if lost_s is not None:
            self.lost_s.append(round(lost_s, 2))
        if name:
            self.names.append(name)
        self._write()

    def set(self, tried: int, survived: int, seconds: float) -> None:
        self.tried, self.survived, self.seconds = tried, survived, round(seconds, 1)
        self._write()

    def _write(self) -> None:
        self.date = date.today().isoformat()
        fields = asdict(self).items()
        count = {name: value for name, value in fields if name not in ("drill", "file")}
        with atomic.file(self.file) as target:
            values = {**read(self.file), self.drill: count}
            target.write_text(json.dumps(values, indent=1) + "\n", "utf-8")


def read(file: Path) -> dict:
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}
