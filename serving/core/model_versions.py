"""A model's labels, and its versions on their way from START to END."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from serving.batching.batcher import Batcher
from serving.errors import Conflict, NotFound, Unavailable, listed
from serving.servables.servable import Servable
from serving.version_policy import Policy

START, LOADING, AVAILABLE, UNLOADING, END = "START", "LOADING", "AVAILABLE", "UNLOADING", "END"
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 60.0


@dataclass(eq=False)
class Version:
    """error: why it could not be loaded. retry_at: of time.monotonic()."""

    number: int
    folder: Path
    state: str = START
    error: str = ""
    servable: Servable | None = None
    batchers: dict[str, Batcher] = field(default_factory=dict)
    workers: ThreadPoolExecutor | None = None
    retry_at: float = 0.0
    retry_after_s: float = FIRST_RETRY_S

    def due(self, now: float) -> bool:
        return self.state in (START, END) and now >= self.retry_at

    def failed(self, error: str, now: float) -> None:
        self.state, self.error = END, error
        self.retry_at = now + self.retry_after_s
        self.retry_after_s = min(2 * self.retry_after_s, LAST_RETRY_S)

    def serve(self, servable: Servable, batchers: dict[str, Batcher], workers) -> None:
        self.servable, self.batchers, self.workers = servable, batchers, workers
        self.state, self.error, self.retry_after_s = AVAILABLE, "", FIRST_RETRY_S

    async def drain(self) -> None:
        """Returns when all that was accepted is answered. No new requests may come meanwhile."""
        for batcher in self.batchers.values():
            await batcher.drain()

    def release(self) -> None:
        """Lets go of the drained version's memory and threads."""
        self.workers.shutdown(wait=False)
        self.state, self.servable, self.batchers, self.workers = END, None, {}, None


class Model:
    def __init__(self, name: str):
        self.name, self.policy = name, Policy()
        self.versions: dict[int, Version] = {}
        self.labels: dict[str, int] = {}

    @property
    def available(self) -> list[int]:
        return sorted(n for n, version in self.versions.items() if version.state == AVAILABLE)

    def find(self, number: int | None = None, label: str | None = None) -> Version:
        """The version that answers: of the number or label, or the highest that is loaded."""
        if label is not None:
            number = self._labelled(label)
        if number is None:
            if not self.available:
                raise Unavailable(f"{self.name}: no version is loaded yet; see its status")
            number = self.available[-1]
        found = self.known(number)
        if found.state != AVAILABLE:
            why = f": {found.error}" if found.error else ""
            raise Unavailable(f"{self.name}: version {number} is in state {found.state}{why}")
        return found

    def known(self, number: int | None = None, label: str | None = None) -> Version:
        """A version in any state."""
        number = self._labelled(label) if label is not None else number
        if number not in self.versions:
            raise NotFound(f"{self.name}: no version {number}; loaded: {listed(self.available)}")
        return self.versions[number]

    def _labelled(self, label: str) -> int:
        if label not in self.labels:
            raise NotFound(f"{self.name}: no label {label!r}; labels: {listed(self.labels)}")
        return self.labels[label]

    def label(self, name: str, number: int) -> None:
        """Raises Conflict, and leaves the label where it is, if the version is not loaded."""
        if number not in self.available:
            raise Conflict(
                f"{self.name}: label {name!r} cannot name version {number}, which is not loaded; "
                f"loaded: {listed(self.available)}"
            )
        self.labels[name] = number

    def relabel(self, labels: Mapping[str, int]) -> list[str]:
        """Sets what can be set and drops what is not named; says what could not be done."""
        refused = []
        for name in set(self.labels) - set(labels):
            del self.labels[name]
        for name, number in labels.items():
            try:
                self.label(name, number)
            except Conflict as error:
                refused.append(str(error))
        return refused

    def withdraw(self, version: Version) -> None:
        """No new requests for it, and no label that leads nowhere."""
        version.state = UNLOADING
        self.labels = {name: n for name, n in self.labels.items() if n != version.number}
