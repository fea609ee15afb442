"""Metrics for Prometheus: requests, latency, queue, batches, loads."""

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

disable_created_metrics()  # a creation time beside each count would double the page

SECONDS_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
ROWS_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
CALL_LABELS = ("model", "version", "signature")
VERSION_LABELS = ("model", "version")
REQUEST_LABELS = ("frontend", "operation", "model")


class Metrics:
    """Has its own registry, so that two servers in one process do not share counters."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self):
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "serving_requests", "Answered requests.", (*REQUEST_LABELS, "code"), registry=registry
        )
        self.latency = Histogram(
            "serving_request_seconds", "Time from a request's arrival to its answer.",
            REQUEST_LABELS, buckets=SECONDS_BUCKETS, registry=registry,
        )  # fmt: skip
        self.queue_time = Histogram(
            "serving_queue_seconds", "Time from a request's validation to its batch.",
            CALL_LABELS, buckets=SECONDS_BUCKETS, registry=registry,
        )  # fmt: skip
        self.rows = Histogram(
            "serving_batch_rows", "Rows of a batch.", CALL_LABELS,
            buckets=ROWS_BUCKETS, registry=registry,
        )  # fmt: skip
        self.queued = Gauge(
            "serving_queued_rows", "Rows that wait in the queue.", CALL_LABELS, registry=registry
        )
        self.texts = Gauge(
            "serving_texts", "Texts that are being made token by token, or wait for it.",
            VERSION_LABELS, registry=registry,
        )  # fmt: skip
        self.tokens = Counter(
            "serving_text_tokens", "Tokens of these texts.", VERSION_LABELS, registry=registry
        )
        self.loads = Counter(
            "serving_loads", "Attempts to load a version.", ("model", "outcome"), registry=registry
        )
        # Looking a metric up by its labels takes longer than incrementing it.
        self._request_metrics = cache(self._find_request_metrics)

    def batch_observer(
        self, model: str, version: int, signature: str
    ) -> Callable[[int, list[float]], None]:
        """The function to call for each batch, with its rows and its requests' queue times."""
        labels = (model, str(version), signature)
        rows_metric, time_metric = self.rows.labels(*labels), self.queue_time.labels(*labels)

        def observe(rows: int, queue_times: list[float]) -> None:
            rows_metric.observe(rows)
            for seconds in queue_times:
                time_metric.observe(seconds)

        return observe

    def text_observer(self, model: str, version: int) -> Callable[[int, list[float]], None]:
        """As `batch_observer`, for the calls that add a token to each of several texts."""
        tokens = self.tokens.labels(model, str(version))
        observe_batch = self.batch_observer(model, version, "sample")

        def observe(texts: int, queue_times: list[float]) -> None:
            tokens.inc(texts)
            observe_batch(texts, queue_times)

        return observe

    def remove_version(
        self, model: str, version: int, signatures: Iterable[str], *, has_texts: bool = False
    ) -> None:
        """Removes an unloaded version's metrics, so that memory does not grow with reloads."""
        if has_texts:
            self.texts.remove(model, str(version))
            self.tokens.remove(model, str(version))
        for signature in signatures:
            for metric in (self.rows, self.queue_time, self.queued):
                metric.remove(model, str(version), signature)

    def observe_request(
        self, frontend: str, operation: str, model: str, code: int | str, seconds: float
    ) -> None:
        count, latency = self._request_metrics(frontend, operation, model, code)
        count.inc()
        latency.observe(seconds)

    def _find_request_metrics(
        self, frontend: str, operation: str, model: str, code: int | str
    ) -> tuple[Counter, Histogram]:
        count = self.requests.labels(frontend, operation, model, str(code))
        return count, self.latency.labels(frontend, operation, model)

    def text(self) -> bytes:
        """The metrics in Prometheus's text format."""
        return generate_latest(self.registry)
