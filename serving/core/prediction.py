"""What all frontends share: prediction, and the record of each request for metrics and log."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from serving.batching.text_stream import TextStream
from serving.config import Config
from serving.core.budget import Budget
from serving.core.inputs import Inputs
from serving.core.manager import Manager
from serving.core.model_versions import Model, Version
from serving.core.text_request import text_stream
from serving.core.tokens import Tokens
from serving.core.validation import find_signature
from serving.errors import BadRequest, DeadlineExceeded, Unavailable, listed
from serving.monitoring.access_log import AccessLog
from serving.monitoring.metrics import Metrics
from serving.servables import text_generator
from serving.servables.signature import DEFAULT, Arrays, Signature

# Bytes of a request that is decoded on a thread, because all others would wait meanwhile.
LARGE_BODY = 128 << 10
Decode = Callable[[Signature], Inputs]


@dataclass
class RequestRecord:
    """What metrics and access log say about one request; filled in while it is handled.

    Args:
        frontend: "rest" or "grpc".
        operation: such as "predict".
        started_at: in terms of time.monotonic().
        model: name of the model; empty until it is known to exist.
        version: the version that answers.
        signature: the signature that is called.
        rows: number of rows.
        error: the error message.
        bytes_held: bytes of the budget that it has taken; given back when it is finished.
    """

    frontend: str
    operation: str
    started_at: float = field(default_factory=time.monotonic)
    model: str = ""
    version: int | None = None
    signature: str = ""
    rows: int = 0
    error: str = ""
    bytes_held: int = 0


@dataclass(frozen=True)
class PredictRequest:
    """Which model a request is for, as in TensorFlow Serving's ModelSpec, and its timeout.

    Args:
        model: name of the model.
        version: its version; with neither version nor label the highest available one.
        label: the label of a version.
        signature: name of the signature.
        timeout_s: how long the client waits, if it says so.
    """

    model: str
    version: int | None = None
    label: str | None = None
    signature: str = DEFAULT
    timeout_s: float | None = None


@dataclass(frozen=True)
class Prediction:
    """The outputs of a version for a request."""

    request: PredictRequest
    version: int
    signature: Signature
    outputs: Arrays


class Core:
    """Used from one event loop. Frontends decode and encode; all else happens here."""

    def __init__(
        self, config: Config, metrics: Metrics, manager: Manager, log: AccessLog | None = None
    ):
        self.config, self.metrics, self.manager, self._log = config, metrics, manager, log
        self._tokens = Tokens(config.token_file) if config.token_file else None
        self._budget = Budget(config.limits.in_flight_bytes)
        # Held while a large body is parsed and decoded: parsed JSON takes many times its size.
        self._decoding_large = asyncio.Lock()

    @classmethod
    def from_config(cls, config: Config, log: AccessLog | None = None) -> "Core":
        metrics = Metrics()
        return cls(config, metrics, Manager(config, metrics), log)

    def authorize(self, authorization: Callable[[], str | None]) -> None:
        """Raises Unauthorized if tokens are needed and the request's header has none of them."""
        if self._tokens is not None:
            self._tokens.check(authorization())

    def deadline(self, record: RequestRecord, timeout_s: float | None = None) -> float:
        """In terms of time.monotonic(). A client can only shorten the server's timeout."""
        limit = self.config.limits.timeout_s
        return record.started_at + (limit if timeout_s is None else min(timeout_s, limit))

    def hold(self, record: RequestRecord, size: int) -> None:
        """Takes bytes of the budget until the request is finished. Raises QueueFull."""
        self._budget.take(size)
        record.bytes_held += size

    def give_back(self, record: RequestRecord) -> None:
        self._budget.give_back(record.bytes_held)
        record.bytes_held = 0

    @asynccontextmanager
    async def decoding_large(self, deadline: float) -> AsyncIterator[None]:
        """One large body at a time. Raises DeadlineExceeded if its turn comes too late."""
        async with self._decoding_large:
            if time.monotonic() > deadline:
                raise DeadlineExceeded("the deadline passed before the body was parsed")
            yield

    async def decode_on_thread(
        self, record: RequestRecord, request: PredictRequest, decode: Decode
    ) -> Decode:
        """A `decode` for `predict` whose work is done: large inputs must not stop the event loop.

        It keeps the inputs only. If another version was loaded meanwhile, they are taken for it as
        well, unless its inputs differ.
        """
        version = self.available_version(record, request)
        decoded_for = find_signature(version.loaded.signatures, request.signature)
        inputs = await asyncio.to_thread(decode, decoded_for)

        def decoded(signature: Signature) -> Inputs:
            if signature.inputs != decoded_for.inputs:
                raise Unavailable("the model was changed while the request was read; send it again")
            return inputs

        return decoded

    def model(self, record: RequestRecord, name: str) -> Model:
        """Only names of existing models become metric labels: others could fill the memory."""
        model = self.manager.model(name)
        record.model = model.name
        return model

    def available_version(self, record: RequestRecord, request: PredictRequest) -> Version:
        if self.manager.closed:
            raise Unavailable("the server is stopping")
        model = self.model(record, request.model)
        version = model.available_version(request.version, request.label)
        record.version = version.number
        return version

    def matching_versions(self, record: RequestRecord, request: PredictRequest) -> list[Version]:
        """The requested version, or all; in any state, highest first as in TensorFlow Serving."""
        model = self.model(record, request.model)
        if request.version is None and request.label is None:
            return [model.versions[number] for number in sorted(model.versions, reverse=True)]
        return [model.version(request.version, request.label)]

    async def predict(
        self, record: RequestRecord, request: PredictRequest, decode: Decode
    ) -> Prediction:
        """Validates, batches and runs a request.

        There is no await between the choice of the version and its queue, so that the version
        cannot be unloaded in between.

        Args:
            record: is filled in.
            request: which model, version and signature.
            decode: the request's inputs, checked against the signature.
        """
        version = self.available_version(record, request)
        signature = find_signature(version.loaded.signatures, request.signature)
        record.signature = signature.name
        inputs = decode(signature)
        record.rows = inputs.rows
        self.hold(record, inputs.size)
        deadline = self.deadline(record, request.timeout_s)
        batcher = version.batchers[signature.name]
        outputs = await batcher(inputs.arrays, inputs.rows, deadline, inputs.share)
        return Prediction(request, version.number, signature, outputs)

    def generate(
        self, record: RequestRecord, request: PredictRequest, decode: Decode
    ) -> tuple[TextStream, int]:
        """A text that begins to grow, and the version that makes it.

        Args:
            record: is filled in.
            request: which model and version.
            decode: the inputs of the signature `generate`, one row.
        """
        version = self.available_version(record, request)
        if version.texts is None:
            raise BadRequest(
                f"{request.model} makes no texts token by token: it lacks the signatures "
                f"{listed(text_generator.SIGNATURES)}, or they do not fit together"
            )
        generator = version.texts.generator
        record.signature, record.rows = generator.sample.name, 1
        inputs = decode(generator.generate)
        self.hold(record, inputs.size + generator.state_bytes)
        stream = text_stream(inputs.arrays, self.deadline(record, request.timeout_s))
        version.texts.add(stream)
        return stream, version.number

    def finish(self, record: RequestRecord, code: int | str) -> None:
        """Counts and logs a request; to be called once for each, whatever its outcome."""
        self.give_back(record)
        seconds = time.monotonic() - record.started_at
        self.metrics.observe_request(record.frontend, record.operation, record.model, code, seconds)
        if self._log is not None:
            entry = {"time": datetime.now(UTC), **vars(record)}
            del entry["started_at"], entry["bytes_held"]
            self._log.add({**entry, "code": code, "seconds": round(seconds, 6)})


def select_outputs(outputs: Mapping, names: Collection[str]) -> dict:
    """The outputs with these names; all of them if there are no names."""
    if unknown := set(names) - set(outputs):
        raise BadRequest(f"no output {listed(unknown):.80}; outputs: {listed(outputs)}")
    return {name: outputs[name] for name in names or outputs}
