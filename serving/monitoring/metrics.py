"""What Prometheus reads: requests, latency, queue, batches, loads."""

from collections.abc import Callable, Iterable
from functools import cache

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

disable_created_metrics()  # a time of creation beside each count doubles the page for nobody

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
OF_CALL = ("model", "version", "signature")
OF_REQUEST = ("face", "operation", "model")


class Metrics:
    """A registry of its own, so that two servers in one process do not share counts."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self):
        self.registry = own = CollectorRegistry()
        self.requests = Counter(
            "serving_requests", "Requests answered.", (*OF_REQUEST, "code"), registry=own
        )
        self.latency = Histogram(
            "serving_request_seconds", "From a request's arrival to its answer.",
            OF_REQUEST, buckets=SECONDS, registry=own,
        )  # fmt: skip
        self.waited = Histogram(
            "serving_queue_seconds", "From a request's validation to its call.",
            OF_CALL, buckets=SECONDS, registry=own,
        )  # fmt: skip
        self.rows = Histogram(
            "serving_batch_rows", "Rows of one call.", OF_CALL, buckets=ROWS, registry=own
        )
        self.queued = Gauge(
            "serving_queued_rows", "Rows that no call has taken yet.", OF_CALL, registry=own
        )
        self.loads = Counter(
            "serving_loads", "Attempts to load a version.", ("model", "outcome"), registry=own
        )
        self._of_request = cache(self._found_of_request)

    def observer(
        self, model: str, version: int, signature: str
    ) -> Callable[[int, list[float]], None]:
        """Tells of a call's rows, and of the seconds that its requests had waited."""
        labels = (model, str(version), signature)
        rows, waited = self.rows.labels(*labels), self.waited.labels(*labels)

        def observe(count: int, seconds: list[float]) -> None:
            rows.observe(count)
            for each in seconds:
                waited.observe(each)

        return observe

    def forget(self, model: str, version: int, signatures: Iterable[str]) -> None:
        """Of an unloaded version: a server that swaps models for months must not grow."""
        for signature in signatures:
            for metric in (self.rows, self.waited, self.queued):
                metric.remove(model, str(version), signature)

    def answered(
        self, face: str, operation: str, model: str, code: int | str, seconds: float
    ) -> None:
        count, latency = self._of_request(face, operation, model, code)
        count.inc()
        latency.observe(seconds)

    def _found_of_request(self, face: str, operation: str, model: str, code: int | str) -> tuple:
        """Finding a metric by its labels takes longer than to count."""
        count = self.requests.labels(face, operation, model, str(code))
        return count, self.latency.labels(face, operation, model)

    def text(self) -> bytes:
        return generate_latest(self.registry)
