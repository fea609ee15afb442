"""What every face needs: predict, and an account of each request."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from serving.config import Config
from serving.core.manager import Manager
from serving.core.model_versions import Model, Version
from serving.core.validation import count_rows, signature_named
from serving.errors import BadRequest, Unavailable, listed
from serving.monitoring.access_log import AccessLog
from serving.monitoring.metrics import Metrics
from serving.servables.signature import DEFAULT, Arrays, Signature


@dataclass
class Exchange:
    """One request, for metrics and log. began: of time.monotonic()."""

    face: str
    operation: str
    began: float = field(default_factory=time.monotonic)
    model: str = ""
    version: int | None = None
    signature: str = ""
    rows: int = 0
    error: str = ""


@dataclass(frozen=True)
class Asked:
    """Which function of which model. Neither version nor label: the highest version that is loaded.
    timeout_s: what the client will wait, if it said so."""

    model: str
    version: int | None = None
    label: str | None = None
    signature: str = DEFAULT
    timeout_s: float | None = None


@dataclass(frozen=True)
class Answer:
    asked: Asked
    version: int
    signature: Signature
    outputs: Arrays


class Core:
    """Used from one event loop. Faces give bytes their form; everything else happens here."""

    def __init__(
        self, config: Config, metrics: Metrics, manager: Manager, log: AccessLog | None = None
    ):
        self.config, self.metrics, self.manager, self._log = config, metrics, manager, log

    @classmethod
    def of(cls, config: Config, log: AccessLog | None = None) -> "Core":
        metrics = Metrics()
        return cls(config, metrics, Manager(config, metrics), log)

    def deadline(self, exchange: Exchange, timeout_s: float | None = None) -> float:
        """Of time.monotonic(). A client can ask for less than the server allows, not for more."""
        allowed = self.config.limits.timeout_s
        return exchange.began + (allowed if timeout_s is None else min(timeout_s, allowed))

    def model(self, exchange: Exchange, name: str) -> Model:
        """Only names of models reach the metrics: a client's inventions would fill the memory."""
        found = self.manager.model(name)
        exchange.model = found.name
        return found

    def version(self, exchange: Exchange, asked: Asked) -> Version:
        """One that answers."""
        if self.manager.closing:
            raise Unavailable("the server is stopping")
        found = self.model(exchange, asked.model).find(asked.version, asked.label)
        exchange.version = found.number
        return found

    def versions(self, exchange: Exchange, asked: Asked) -> list[Version]:
        """The one asked for, or all; in any state, highest first as TensorFlow Serving has them."""
        model = self.model(exchange, asked.model)
        if asked.version is None and asked.label is None:
            return [model.versions[number] for number in sorted(model.versions, reverse=True)]
        return [model.known(asked.version, asked.label)]

    async def predict(
        self, exchange: Exchange, asked: Asked, decode: Callable[[Signature], Arrays]
    ) -> Answer:
        """decode: the request's arrays, checked against the signature.

        From the choice of the version to the queue there is no await, so that the version cannot
        be taken away in between.
        """
        version = self.version(exchange, asked)
        signature = signature_named(version.servable.signatures, asked.signature)
        exchange.signature = signature.name
        arrays = decode(signature)
        exchange.rows = count_rows(arrays, signature, self.config.limits)
        deadline = self.deadline(exchange, asked.timeout_s)
        outputs = await version.batchers[signature.name](arrays, exchange.rows, deadline)
        return Answer(asked, version.number, signature, outputs)

    def finished(self, exchange: Exchange, code: int | str) -> None:
        """Once for each request, whatever became of it."""
        seconds = time.monotonic() - exchange.began
        self.metrics.answered(exchange.face, exchange.operation, exchange.model, code, seconds)
        if self._log is not None:
            line = {
                "time": datetime.now(UTC),
                **vars(exchange),
                "code": code,
                "seconds": round(seconds, 6),
            }
            del line["began"]
            self._log.add(line)


def chosen(outputs: Mapping, names: Collection[str]) -> dict:
    """The outputs that a client asked for; all if it named none."""
    if unknown := set(names) - set(outputs):
        raise BadRequest(f"no output {listed(unknown):.80}; outputs: {listed(outputs)}")
    return {name: outputs[name] for name in names or outputs}
