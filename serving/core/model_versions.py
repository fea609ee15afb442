"""A model's versions, each in a state between START and END, and its labels."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from serving.batching.batcher import Batcher
from serving.batching.text_batcher import TextBatcher
from serving.errors import Conflict, NotFound, Unavailable, listed
from serving.servables.servable import Servable
from serving.version_policy import Policy

START, LOADING, AVAILABLE, UNLOADING, END = "START", "LOADING", "AVAILABLE", "UNLOADING", "END"
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 60.0


@dataclass(eq=False)
class Version:
    """One version of a model.

    Args:
        number: the version number.
        folder: its folder in the model repository.
        state: one of TensorFlow Serving's states.
        error: why loading failed; empty if it did not.
        servable: the loaded SavedModel, while AVAILABLE or UNLOADING.
        batchers: a queue for each signature.
        texts: those that are made token by token, if the model does so.
        workers: the threads that call the model.
        retry_at: earliest time of the next attempt to load, in terms of time.monotonic().
        retry_after_s: delay before the next attempt, if one fails now.
        loading: the latest attempt to load.
    """

    number: int
    folder: Path
    state: str = START
    error: str = ""
    servable: Servable | None = None
    batchers: dict[str, Batcher] = field(default_factory=dict)
    texts: TextBatcher | None = None
    workers: ThreadPoolExecutor | None = None
    retry_at: float = 0.0
    retry_after_s: float = FIRST_RETRY_S
    loading: Future | None = None

    @property
    def loaded(self) -> Servable:
        """The servable of a version that is AVAILABLE or UNLOADING."""
        assert self.servable is not None, f"version {self.number} is {self.state}"
        return self.servable

    def can_load(self, now: float) -> bool:
        """Not while an earlier attempt still runs, whose thread cannot be stopped."""
        still_loading = self.loading is not None and not self.loading.done()
        return self.state in (START, END) and now >= self.retry_at and not still_loading

    def set_failed(self, error: str, now: float) -> None:
        """The delay doubles with each failure, up to LAST_RETRY_S."""
        # Names in a SavedModel can hold what no answer can encode.
        self.state, self.error = END, error.encode("utf-8", "replace").decode("utf-8")
        if self.loading is not None and self.loading.done():
            self.loading = None  # its exception refers to what was loaded
        self.retry_at = now + self.retry_after_s
        self.retry_after_s = min(2 * self.retry_after_s, LAST_RETRY_S)

    def set_available(
        self, servable: Servable, batchers: dict[str, Batcher], workers: ThreadPoolExecutor,
        texts: TextBatcher | None = None,
    ) -> None:  # fmt: skip
        self.servable, self.batchers, self.workers = servable, batchers, workers
        self.texts = texts
        self.state, self.error, self.retry_after_s = AVAILABLE, "", FIRST_RETRY_S
        self.loading = None

    async def drain(self) -> None:
        """Returns when all accepted requests are answered; no new ones may arrive meanwhile."""
        for batcher in self.batchers.values():
            await batcher.drain()
        if self.texts is not None:
            await self.texts.drain()

    def release(self) -> None:
        """Frees the memory and threads of a drained version."""
        assert self.workers is not None, "only a loaded version is released"
        self.workers.shutdown(wait=False)
        if self.texts is not None:
            self.texts.release()
        self.state, self.servable, self.batchers, self.workers = END, None, {}, None
        self.texts = None


class Model:
    def __init__(self, name: str):
        self.name, self.policy = name, Policy()
        self.versions: dict[int, Version] = {}
        self.labels: dict[str, int] = {}

    @property
    def available(self) -> list[int]:
        """Numbers of the available versions, ascending."""
        return sorted(n for n, version in self.versions.items() if version.state == AVAILABLE)

    def available_version(self, number: int | None = None, label: str | None = None) -> Version:
        """The version with this number or label, or the highest available one.

        Raises:
            NotFound: there is no such version or label.
            Unavailable: the version is not loaded.
        """
        if label is not None:
            number = self._labelled(label)
        if number is None:
            if not self.available:
                raise Unavailable(f"{self.name}: no version is loaded yet; see its status")
            number = self.available[-1]
        version = self.version(number)
        if version.state != AVAILABLE:
            reason = f": {version.error}" if version.error else ""
            raise Unavailable(f"{self.name}: version {number} is in state {version.state}{reason}")
        return version

    def version(self, number: int | None = None, label: str | None = None) -> Version:
        """The version with this number or label, in any state. Raises NotFound."""
        number = self._labelled(label) if label is not None else number
        if number not in self.versions:
            raise NotFound(f"{self.name}: no version {number}; loaded: {listed(self.available)}")
        return self.versions[number]

    def _labelled(self, label: str) -> int:
        if label not in self.labels:
            raise NotFound(f"{self.name}: no label {label!r:.80}; labels: {listed(self.labels)}")
        return self.labels[label]

    def set_label(self, name: str, number: int) -> None:
        """Raises Conflict, without moving the label, if the version is not loaded."""
        if number not in self.available:
            raise Conflict(
                f"{self.name}: label {name!r} cannot name version {number}, which is not loaded; "
                f"loaded: {listed(self.available)}"
            )
        self.labels[name] = number

    def set_labels(self, labels: Mapping[str, int]) -> list[str]:
        """Removes labels that are not given and sets the others.

        Returns:
            A message for each label that could not be set.
        """
        conflicts = []
        for name in set(self.labels) - set(labels):
            del self.labels[name]
        for name, number in labels.items():
            try:
                self.set_label(name, number)
            except Conflict as error:
                conflicts.append(str(error))
        return conflicts

    def withdraw(self, version: Version) -> None:
        """From now on the version gets no new requests and has no labels."""
        version.state = UNLOADING
        self.labels = {name: n for name, n in self.labels.items() if n != version.number}
