"""Watches the roots and keeps the wanted versions loaded.

New versions are loaded and have answered their golden examples before old ones go; one that fails
is tried again, later and later, and never takes the place of one that works. At a start with a
broken newest version the next one that works is loaded.
"""

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipelines.config.errors import UserError
from serving.batching.batcher import Batcher
from serving.config import Config
from serving.core.model_versions import END, LOADING, START, Model, Version
from serving.errors import LoadError, NotFound, Unavailable, listed
from serving.monitoring.metrics import Metrics
from serving.servables import repository, servable
from serving.version_policy import dispensable

log = logging.getLogger("serving")
Found = Mapping[str, Mapping[int, Path]]


class Manager:
    """Lives in one event loop. load: a version's folder -> what can be served, or LoadError."""

    def __init__(
        self, config: Config, metrics: Metrics,
        load: Callable[[Path], servable.Servable] = servable.load,
    ):  # fmt: skip
        self.models: dict[str, Model] = {}
        self.leaving = self.closing = False  # a signal has come; nothing is accepted any more
        self.config, self._batching = config, config.batching
        self._metrics, self._load = metrics, load
        # Loading has a thread of its own: it must not wait for requests, nor they for it.
        self._loads = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._unloading: set[asyncio.Task] = set()
        self._looked = False
        self._said: dict[str, list[str]] = {}

    @property
    def ready(self) -> bool:
        """Whether every model has a version that answers."""
        available = all(model.available for model in self.models.values())
        return self._looked and available and not self.leaving

    def model(self, name: str) -> Model:
        if name not in self.models:
            if not self._looked:
                raise Unavailable("the models are being loaded")
            raise NotFound(f"no model {name!r}; models: {listed(self.models)}")
        return self.models[name]

    async def watch(self, reread: Callable[[], Config]) -> None:
        """Never returns: waits, looks at the disk and acts.

        reread: what the configuration says now; its roots, policies and labels are followed.
        """
        while True:
            await asyncio.sleep(self.config.poll_s)
            try:
                self.config = await asyncio.to_thread(reread)
                await self.update()
                self._say("watch", [])
            except (UserError, OSError) as error:  # what is loaded serves until it is mended
                self._say("watch", [f"nothing is changed: {error}"])

    async def update(self) -> None:
        """One look at the disk: loads what is wanted and missing, unloads what may go."""
        found = await asyncio.to_thread(self._scan)
        for name, present in found.items():
            model = self.models.setdefault(name, Model(name))
            model.policy = self.config.policy_of(name)
            for number in model.policy.wanted(present):
                self._discover(model, number, present[number])
        self._looked = True
        for model in list(self.models.values()):
            await self._settle(model, found.get(model.name, {}))
            if not model.versions:  # its folder went before any version was loaded
                del self.models[model.name]

    def _scan(self) -> Found:
        """Of a model in two roots, the first root's counts."""
        found: Found = {}
        for root in self.config.roots:
            for name, present in repository.models(root).items():
                if name in found:
                    self._say(name, [f"{name} is in two roots; that in {root} is passed over"])
                found.setdefault(name, present)
        return found

    def _discover(self, model: Model, number: int, folder: Path) -> None:
        version = model.versions.get(number)
        if version is None or (version.folder != folder and version.state in (START, END)):
            model.versions[number] = Version(number, folder)

    async def _settle(self, model: Model, present: Mapping[int, Path]) -> None:
        wanted = model.policy.wanted(present)
        for number in [*sorted(wanted, reverse=True), *model.policy.substitutes(present)]:
            if number not in wanted and len(model.available) >= len(wanted):
                break
            self._discover(model, number, present[number])
            if model.versions[number].due(time.monotonic()):
                await self._bring(model, model.versions[number])
        for number in dispensable(model.available, wanted, present):
            self._dismiss(model, model.versions[number])
        for number, version in list(model.versions.items()):
            if number not in present and version.state in (START, END):
                del model.versions[number]
        refused = model.relabel(self.config.labels_of(model.name))
        self._say(f"{model.name} labels", refused)

    async def _bring(self, model: Model, version: Version) -> None:
        version.state = LOADING
        loop, began = asyncio.get_running_loop(), time.monotonic()
        try:
            loaded = await loop.run_in_executor(self._loads, self._load, version.folder)
        except LoadError as error:
            version.failed(str(error), time.monotonic())
            self._metrics.loads.labels(model.name, "failed").inc()
            log.error("%s version %d: %s", model.name, version.number, error)
            return
        workers = ThreadPoolExecutor(self._batching.workers, thread_name_prefix="call")
        batchers = {
            name: self._batcher(model, version, signature, workers)
            for name, signature in loaded.signatures.items()
        }
        version.serve(loaded, batchers, workers)
        gc.freeze()  # see collect
        self._metrics.loads.labels(model.name, "loaded").inc()
        took = time.monotonic() - began
        log.info("%s version %d: available after %.1f s", model.name, version.number, took)

    def _batcher(self, model: Model, version: Version, signature, workers) -> Batcher:
        observe = self._metrics.observer(model.name, version.number, signature.name)
        batcher = Batcher(
            signature, workers, self._batching, batched=signature.batched, observe=observe
        )
        queued = self._metrics.queued.labels(model.name, str(version.number), signature.name)
        queued.set_function(lambda: batcher.queued)
        return batcher

    def _dismiss(self, model: Model, version: Version) -> None:
        model.withdraw(version)
        task = asyncio.create_task(self._unload(model, version))
        self._unloading.add(task)
        task.add_done_callback(self._unloading.discard)

    async def _unload(self, model: Model, version: Version) -> None:
        await version.drain()
        self._metrics.forget(model.name, version.number, version.batchers)
        version.release()
        await asyncio.get_running_loop().run_in_executor(self._loads, collect)
        log.info("%s version %d: unloaded", model.name, version.number)

    async def unloaded(self) -> None:
        """Returns when what was being unloaded is gone."""
        await asyncio.gather(*self._unloading)

    def _say(self, about: str, sentences: list[str]) -> None:
        """Each poll finds the same; it is worth a line when it changes."""
        if sentences != self._said.get(about, []):
            for sentence in sentences:
                log.warning("%s", sentence)
        self._said[about] = sentences

    async def close(self) -> None:
        """For the end: accepts nothing more, and returns when all is answered and let go of."""
        self.closing = True
        for model in self.models.values():
            for number in model.available:
                self._dismiss(model, model.versions[number])
        await self.unloaded()
        self._loads.shutdown(wait=False, cancel_futures=True)


def collect() -> None:
    """Frees what only cycles hold, as TensorFlow's functions hold each other.

    Apart from this, Python's collector does not see what has been loaded: a look at the half
    million objects of TensorFlow and a few models stops every request for 0.3 s.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
