"""What Prometheus reads: requests, latency, queue, batches, loads."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
OF_CALL = ("model", "version", "signature")


class Metrics:
    """A registry of its own, so that two servers in one process do not share counts."""

    def __init__(self):
        self.registry = own = CollectorRegistry()
        self.requests = Counter(
            "serving_requests_total", "Requests answered.", ("model", "face", "code"), registry=own
        )
        self.latency = Histogram(
            "serving_request_seconds", "From the request's arrival to its answer.",
            ("model", "face"), buckets=SECONDS, registry=own,
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
            "serving_loads_total", "Versions loaded.", ("model", "outcome"), registry=own
        )

    def called(self, model: str, version: int, signature: str, rows: int, waited: list) -> None:
        labels = (model, str(version), signature)
        self.rows.labels(*labels).observe(rows)
        for seconds in waited:
            self.waited.labels(*labels).observe(seconds)

    def answered(self, model: str, face: str, code: int | str, seconds: float) -> None:
        self.requests.labels(model, face, str(code)).inc()
        self.latency.labels(model, face).observe(seconds)

    def text(self) -> tuple[bytes, str]:
        """The page, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
