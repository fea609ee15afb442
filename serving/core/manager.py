"""Polls the model repository and keeps the aspired versions loaded.

A new version is loaded and warmed up before an old one is unloaded. A version that fails to load is
retried with increasing delays and never replaces one that works. If the newest version is broken
when the server starts, the next older one that works is loaded.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from pipelines.config.errors import UserError
from serving.batching.batcher import Batcher
from serving.batching.text_batcher import TextBatcher
from serving.config import Config
from serving.core import background, garbage
from serving.core.model_versions import END, LOADING, START, Model, Version
from serving.errors import LoadError, NotFound, Unavailable, listed
from serving.monitoring.metrics import Metrics
from serving.servables import repository, servable
from serving.servables.signature import Signature
from serving.version_policy import unloadable

log = logging.getLogger("serving")
LOAD_PATIENCE_S = 30.0  # how long other models wait for one that is being loaded
VersionFolders = Mapping[int, Path]


class Manager:
    """Used from one event loop.

    Args:
        config: the settings at the start.
        metrics: counts loads, batches and queued rows.
        load: a version's folder -> its servable, or LoadError; default: `servable.load`.
    """

    def __init__(
        self, config: Config, metrics: Metrics,
        load: Callable[[Path], servable.Servable] | None = None,
    ):  # fmt: skip
        self.models: dict[str, Model] = {}
        self.stopping = False  # a stop signal has arrived; accepted requests are still answered
        self.closed = False  # no request is accepted
        self.config, self._batching = config, config.batching
        self._metrics = metrics
        self._load = load or partial(
            servable.load, allowed_operations=config.allow_operations,
            allowed_modules=config.allow_modules,
        )  # fmt: skip
        self._reconciling: dict[str, asyncio.Task] = {}  # by the name of the model
        self._loading_slot = asyncio.Semaphore(1)
        self._loads: set[Future] = set()  # that run, also those past their time
        self._unload_tasks: set[asyncio.Task] = set()
        self._scanned = False
        self._last_warnings: dict[str, list[str]] = {}

    @property
    def ready(self) -> bool:
        """Whether every model has an available version."""
        available = all(model.available for model in self.models.values())
        return self._scanned and available and not self.stopping

    def model(self, name: str) -> Model:
        if name not in self.models:
            if not self._scanned:
                raise Unavailable("the models are being loaded")
            raise NotFound(f"no model {name!r:.80}; models: {listed(self.models):.2000}")
        return self.models[name]

    async def watch(self, reread: Callable[[], Config]) -> None:
        """Polls forever: `update` after each interval.

        Args:
            reread: the present configuration; changed roots, policies and labels take effect.
        """
        while True:
            await asyncio.sleep(self.config.poll_s)
            await self.poll(reread)

    async def poll(self, reread: Callable[[], Config]) -> None:
        """Rereads the configuration and updates; an error is logged, loaded versions stay."""
        try:
            self.config = await asyncio.to_thread(reread)
            await self.update()
            self._warn_on_change("watch", [])
        except (UserError, OSError) as error:
            self._warn_on_change("watch", [f"nothing is changed: {error}"])
        except Exception as error:  # noqa: BLE001 polling must go on: the next change may repair it
            self._warn_on_change("watch", [f"nothing is changed: {error!r}"])

    async def update(self) -> None:
        """One poll: loads aspired versions that are missing, unloads what is not needed.

        Models that an earlier poll still loads are left out.
        """
        folders = await asyncio.to_thread(self._scan)
        for name, present in folders.items():
            model = self.models.setdefault(name, Model(name))
            model.policy = self.config.policy_of(name)
            for number in model.policy.aspired_versions(present):
                self._add_version(model, number, present[number])
        self._scanned = True
        pending: set[asyncio.Task] = set()
        for model in list(self.models.values()):
            if model.name not in self._reconciling:
                task = asyncio.create_task(self._reconcile(model, folders.get(model.name, {})))
                self._reconciling[model.name] = task
                task.add_done_callback(partial(self._forget, model.name))
                pending.add(task)
        done = pending
        while pending and done:  # a load that takes long, or never ends, goes on beside next polls
            done, pending = await asyncio.wait(
                pending, timeout=LOAD_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()

    def _scan(self) -> dict[str, VersionFolders]:
        """{model: its versions on disk}. A model in two roots is taken from the first one."""
        folders: dict[str, VersionFolders] = {}
        for root in self.config.roots:
            for name, present in repository.models(root).items():
                if name in folders:
                    message = f"{name} is in two roots; the one in {root} is ignored"
                    self._warn_on_change(name, [message])
                folders.setdefault(name, present)
        return folders

    def _add_version(self, model: Model, number: int, folder: Path) -> None:
        version = model.versions.get(number)
        if version is None or (version.folder != folder and version.state in (START, END)):
            model.versions[number] = Version(number, folder)

    def _forget(self, name: str, task: asyncio.Task) -> None:
        """Called when the task that reconciled a model has ended."""
        self._reconciling.pop(name)

    async def _reconcile(self, model: Model, present: VersionFolders) -> None:
        """Brings the loaded versions in line with the policy and the folders."""
        aspired = model.policy.aspired_versions(present)
        fallbacks = model.policy.fallback_versions(present)
        for number in [*sorted(aspired, reverse=True), *fallbacks]:
            if number not in aspired and len(model.available) >= len(aspired):
                break
            self._add_version(model, number, present[number])
            if model.versions[number].can_load(time.monotonic()):
                await self._load_version(model, model.versions[number])
        for number in unloadable(model.available, aspired, present):
            self._start_unloading(model, model.versions[number])
        for number, version in list(model.versions.items()):
            if number not in present and version.state in (START, END):
                del model.versions[number]
        conflicts = model.set_labels(self.config.labels_of(model.name))
        self._warn_on_change(f"{model.name} labels", conflicts)
        if not model.versions:  # its folder was removed before any version was loaded
            del self.models[model.name]

    async def _load_version(self, model: Model, version: Version) -> None:
        version.state = LOADING
        started_at = time.monotonic()
        try:
            loaded = await self._run_load(version)
        except Exception as error:  # noqa: BLE001 one version's error must not stop the others
            version.set_failed(str(error) or repr(error), time.monotonic())
            self._metrics.loads.labels(model.name, "failed").inc()
            log.error("%s version %d: %s", model.name, version.number, version.error)
            return
        workers = ThreadPoolExecutor(self._batching.workers, thread_name_prefix="call")
        batchers = {
            name: self._batcher(model, version, signature, workers)
            for name, signature in loaded.signatures.items()
        }
        version.set_available(loaded, batchers, workers, self._texts(model, version, loaded))
        garbage.freeze()
        self._metrics.loads.labels(model.name, "loaded").inc()
        seconds = time.monotonic() - started_at
        log.info("%s version %d: available after %.1f s", model.name, version.number, seconds)

    async def _run_load(self, version: Version) -> servable.Servable:
        """Loads on a thread of its own: it must not wait for requests, nor requests for it.

        One at a time, unless it takes longer than LOAD_PATIENCE_S.
        """
        limit = self.config.load_timeout_s
        async with self._loading_slot:
            version.loading = background.start(self._load, version.folder)
            self._loads.add(version.loading)
            version.loading.add_done_callback(self._loads.discard)
            patience = min(limit, LOAD_PATIENCE_S)
            with suppress(TimeoutError):
                return await background.wait(version.loading, patience)
        try:
            return await background.wait(version.loading, limit - patience)
        except TimeoutError:
            message = f"{version.folder}: loading and warm-up took longer than {limit:g} s"
            raise LoadError(f"{message} (load_timeout_s)") from None

    @property
    def has_running_threads(self) -> bool:
        """Whether a thread still loads or calls a model, which Python cannot stop."""
        return bool(self._loads or self._unload_tasks)

    def _batcher(
        self, model: Model, version: Version, signature: Signature, workers: ThreadPoolExecutor
    ) -> Batcher:
        labels = model.name, version.number, signature.name
        batcher = Batcher(
            signature, workers, self._batching, batched=signature.batched,
            observe=self._metrics.batch_observer(*labels),
        )  # fmt: skip
        queued = self._metrics.queued.labels(*map(str, labels))
        queued.set_function(lambda: batcher.queued)
        return batcher

    def _texts(
        self, model: Model, version: Version, loaded: servable.Servable
    ) -> TextBatcher | None:
        if loaded.generator is None:
            return None
        observe = self._metrics.text_observer(model.name, version.number)
        texts = TextBatcher(loaded.generator, self._batching, observe)
        open_texts = self._metrics.texts.labels(model.name, str(version.number))
        open_texts.set_function(lambda: texts.open)
        return texts

    def _start_unloading(self, model: Model, version: Version) -> None:
        model.withdraw(version)
        task = asyncio.create_task(self._unload_version(model, version))
        self._unload_tasks.add(task)
        task.add_done_callback(self._unload_tasks.discard)

    async def _unload_version(self, model: Model, version: Version) -> None:
        await version.drain()
        self._metrics.remove_version(
            model.name, version.number, version.batchers, has_texts=version.texts is not None
        )
        version.release()
        await asyncio.to_thread(garbage.collect)
        log.info("%s version %d: unloaded", model.name, version.number)

    async def wait_for_unloading(self) -> None:
        """Returns when all versions that are being unloaded have ended."""
        await asyncio.gather(*self._unload_tasks)

    def _warn_on_change(self, topic: str, messages: list[str]) -> None:
        """Logs messages unless the previous poll gave the same ones for this topic."""
        if messages != self._last_warnings.get(topic, []):
            for message in messages:
                log.warning("%s", message)
        self._last_warnings[topic] = messages

    async def close(self, timeout_s: float | None = None) -> None:
        """Refuses new requests; returns when all accepted ones are answered and all is unloaded.

        Args:
            timeout_s: return after this time, even if a call of a model has not ended.
        """
        self.closed = True
        for task in self._reconciling.values():
            task.cancel()
        for model in self.models.values():
            for number in model.available:
                self._start_unloading(model, model.versions[number])
        if self._unload_tasks:
            await asyncio.wait(set(self._unload_tasks), timeout=timeout_s)
