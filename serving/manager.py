"""Which versions of which models are loaded, and how they come and go.

A version goes START, LOADING, AVAILABLE, UNLOADING, END, as in TensorFlow Serving. New ones are
loaded and have answered their golden requests before old ones go; one that fails is tried again,
later and later, and never takes the place of one that works.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from serving import tree
from serving.batcher import Arrays, Batcher, Settings
from serving.errors import NotFound, ServingError, Unavailable
from serving.policy import Policy, dispensable
from serving.servable import Servable

START, LOADING, AVAILABLE, UNLOADING, END = "START", "LOADING", "AVAILABLE", "UNLOADING", "END"
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 60.0
log = logging.getLogger("serving")


@dataclass(eq=False)
class Version:
    """error: why it could not be loaded. retry_at, wait_s: when and how long after to try again."""

    number: int
    folder: Path
    state: str = START
    error: str = ""
    servable: Servable | None = None
    batchers: dict[str, Batcher] = field(default_factory=dict)
    retry_at: float = 0.0
    wait_s: float = FIRST_RETRY_S

    async def predict(self, signature: str, inputs: Arrays, rows: int, deadline: float) -> Arrays:
        if self.state != AVAILABLE:
            raise Unavailable(f"version {self.number} is {self.state}")
        return await self.batchers[signature](inputs, rows, deadline)


class Model:
    """One model of the tree: its versions, and labels that name some of them."""

    def __init__(self, name: str, folder: Path, policy: Policy):
        self.name, self.folder, self.policy = name, folder, policy
        self.versions: dict[int, Version] = {}
        self.labels: dict[str, int] = {}

    @property
    def available(self) -> list[int]:
        return sorted(n for n, version in self.versions.items() if version.state == AVAILABLE)

    def version(self, number: int | None = None, label: str | None = None) -> Version:
        """The asked one, or the highest that is available."""
        if label is not None:
            if label not in self.labels:
                raise NotFound(f"{self.name}: no label {label!r}; labels: {listed(self.labels)}")
            number = self.labels[label]
        if number is None:
            if not self.available:
                raise Unavailable(f"{self.name}: no version is available")
            number = self.available[-1]
        found = self.versions.get(number)
        if found is None or found.state not in (AVAILABLE, UNLOADING):
            raise NotFound(f"{self.name}: no version {number}; available: {listed(self.available)}")
        return found

    def label(self, labels: Mapping[str, int]) -> list[str]:
        """Sets the labels whose versions are loaded; says of the others why they stay as they are."""
        refused = []
        for name, number in labels.items():
            if number in self.available:
                self.labels[name] = number
            elif self.labels.get(name) != number:
                refused.append(f"{self.name}: label {name!r}: version {number} is not loaded")
        for name in set(self.labels) - set(labels):
            del self.labels[name]
        return refused


class Manager:
    """Watches roots and keeps the wanted versions loaded. Lives in one event loop.

    observe: told (model, version, signature, rows of a call, seconds its requests had waited).
    """

    def __init__(
        self, settings: Settings, *, workers: int = 1, observe: Callable = lambda *about: None
    ):
        self.models: dict[str, Model] = {}
        self.draining = False
        self._settings, self._workers, self._observe = settings, workers, observe
        # Loading has a thread of its own: it must not wait for requests, nor they for it.
        self._calls = ThreadPoolExecutor(workers, thread_name_prefix="call")
        self._loads = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._background: set[asyncio.Task] = set()

    def model(self, name: str) -> Model:
        if name not in self.models:
            raise NotFound(f"no model {name!r}; models: {listed(self.models)}")
        return self.models[name]

    def add(self, name: str, folder: Path, policy: Policy) -> Model:
        return self.models.setdefault(name, Model(name, folder, policy))

    async def watch(self, poll_s: float) -> None:
        """Never returns: looks at the disk, acts, and waits."""
        while True:
            await self.update()
            await asyncio.sleep(poll_s)

    async def update(self) -> None:
        """One look at the disk: loads what is wanted and missing, unloads what may go."""
        for model in self.models.values():
            present = await asyncio.to_thread(tree.versions, model.folder)
            wanted = model.policy.wanted(present)
            for number in sorted(wanted):
                await self._load(model, number, present[number])
            for number in dispensable(model.available, wanted):
                self._unload(model, model.versions[number])
            for number in [n for n in model.versions if n not in present]:
                if model.versions[number].state in (START, END):
                    del model.versions[number]

    async def _load(self, model: Model, number: int, folder: Path) -> None:
        version = model.versions.get(number)
        if version is None or version.folder != folder:
            version = model.versions[number] = Version(number, folder)
        if version.state not in (START, END) or time.monotonic() < version.retry_at:
            return
        version.state = LOADING
        loop = asyncio.get_running_loop()
        try:
            version.servable = await loop.run_in_executor(self._loads, Servable.load, folder)
        except ServingError as error:
            version.state, version.error = END, str(error)
            version.retry_at = time.monotonic() + version.wait_s
            version.wait_s = min(2 * version.wait_s, LAST_RETRY_S)
            log.error("%s version %d: %s", model.name, number, error)
            return
        version.batchers = {
            name: self._batcher(model, version, signature)
            for name, signature in version.servable.signatures.items()
        }
        version.state, version.error, version.wait_s = AVAILABLE, "", FIRST_RETRY_S
        log.info("%s version %d: available", model.name, number)

    def _batcher(self, model: Model, version: Version, signature) -> Batcher:
        def observe(rows: int, waited: list[float]) -> None:
            self._observe(model.name, version.number, signature.name, rows, waited)

        return Batcher(
            signature, self._calls, self._settings, workers=self._workers,
            batched=signature.batched, observe=observe,
        )  # fmt: skip

    def _unload(self, model: Model, version: Version) -> None:
        """No new requests; those that were accepted are answered; then it goes."""
        version.state = UNLOADING
        for label in [name for name, number in model.labels.items() if number == version.number]:
            del model.labels[label]
        task = asyncio.create_task(self._drained(model, version))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _drained(self, model: Model, version: Version) -> None:
        for batcher in version.batchers.values():
            await batcher.drain()
        version.state, version.servable, version.batchers = END, None, {}
        log.info("%s version %d: unloaded", model.name, version.number)

    async def drain(self) -> None:
        """For the end: accepts nothing more, and returns when all is answered."""
        self.draining = True
        for model in self.models.values():
            for version in model.versions.values():
                for batcher in version.batchers.values():
                    await batcher.drain()
        self._calls.shutdown(wait=True)
        self._loads.shutdown(wait=False, cancel_futures=True)


def listed(names) -> str:
    return ", ".join(map(str, sorted(names))) or "none"
