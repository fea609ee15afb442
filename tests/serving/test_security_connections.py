"""Clients that send too much, too slowly, or never read: they are refused, the others served."""

import socket
import threading
import time
from contextlib import ExitStack

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from serving import http_guard
from serving.config import ConnectionLimits
from tests.support.serving_trees import ROW, Tree, served

LIMITS = {"head_timeout_s": 1, "idle_timeout_s": 1, "write_timeout_s": 1, "connections": 20,
          "health_connections": 4}  # fmt: skip
PREDICT = "/v1/models/scaled:predict"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    tree = Tree(tmp_path_factory.mktemp("root"))
    tree.add(1)
    return tree.root


@pytest.fixture(scope="module")
def server(root):
    with served(root, connections=LIMITS) as running_server:
        yield running_server


def connect(server) -> socket.socket:
    host, port = server.addresses.rest.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def read_to_end(connection: socket.socket) -> bytes:
    """What the server sends before it closes the connection; at most a megabyte."""
    received = b""
    try:
        while len(received) < 1 << 20 and (chunk := connection.recv(1 << 16)):
            received += chunk
    except ConnectionError:  # it closes while we still send
        pass
    return received


def exchange(server, *parts: bytes) -> bytes:
    with connect(server) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except ConnectionError:
            pass
        return read_to_end(connection)


def status_of(answer: bytes) -> int:
    return int(answer.split()[1])


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"], 414),
        ([b"GET /", *[b"a" * 65536] * 100], 414),
        ([b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 17000 + b"\r\n\r\n"], 431),
        ([b"GET / HTTP/1.1\r\nHost: localhost\r\nA: ", *[b"a" * 65536] * 100], 431),
        ([b"GET / HTTP/1.1\r\nHost: localhost\r\n", *[b"A: b\r\n" * 10] * 11, b"\r\n"], 431),
        ([b"GET / HTTP/1.1\r\nHost: localhost\r\n", *[b"A: " + b"a" * 9000 + b"\r\n"] * 9], 431),
        ([b"not HTTP\r\n\r\n"], 400),
        ([b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n"], 400),
        ([b"POST " + PREDICT.encode() + b" HTTP/1.1\r\nHost: localhost\r\n"
          b"Transfer-Encoding: chunked\r\n\r\n1;", *[b"a" * 65536] * 100], 400),
    ],
)  # fmt: skip
def test_long_heads_and_what_is_not_http_are_refused_with_json(server, parts, status):
    answer = exchange(server, *parts)
    # A client that sends on after the refusal may lose the answer to a reset by the system.
    if answer or len(parts) < 50:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert status_of(answer) == status, answer[:300]
        assert b"content-type: application/json" in head
        assert body.startswith(b'{"error":')
    assert server.predict([ROW]).status_code == 200


def test_requests_that_the_parser_refuses_are_counted(server):
    def count() -> float:
        text = server.get("/monitoring/prometheus/metrics").text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "serving_requests_total" and sample.labels["code"] == "414"
        )

    before = count()
    exchange(server, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert count() == before + 1


def test_many_small_requests_and_a_large_one_on_one_connection(server):
    """Bytes are counted for each request, not for each connection."""
    body = b'{"instances": [[1, 2, 3]]}'
    head = (
        b"POST " + PREDICT.encode() + b" HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 10000
        + b"\r\nContent-Length: %d\r\n"
    )  # fmt: skip
    with connect(server) as connection:
        for _ in range(30):
            connection.sendall(head % len(body) + b"\r\n" + body)
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
        large = body + b" " * 500_000
        connection.sendall(head % len(large) + b"\r\n" + large + head % len(body))
        time.sleep(0.2)  # the second head arrives in two pieces, the first within a body's chunk
        connection.sendall(b"Connection: close\r\n\r\n" + body)
        assert read_to_end(connection).count(b"HTTP/1.1 200") == 2


def test_slow_heads_and_silent_connections_are_closed(server):
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(server)) for _ in range(5)]
        slow = [stack.enter_context(connect(server)) for _ in range(5)]
        start = time.monotonic()
        for piece in range(30):
            for connection in slow:
                try:
                    connection.sendall(b"GET / HTTP/1.1\r\n" if piece == 0 else b"A: b\r\n")
                except ConnectionError:
                    break
            time.sleep(0.1)
        assert all(read_to_end(connection) == b"" for connection in silent)
        answers = [read_to_end(connection) for connection in slow]
        assert all(not answer or status_of(answer) == 408 for answer in answers)
        assert time.monotonic() - start < 10
    with requests.Session() as session:  # a request at a time, less than a second apart
        for _ in range(3):
            assert session.get(server.url("/v2/health/live"), timeout=10).status_code == 200
            time.sleep(0.5)


def test_beyond_the_limit_of_connections_health_checks_are_answered(server):
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(connect(server))
        time.sleep(0.1)
        busy = server.predict([ROW])
        assert (busy.status_code, list(busy.json())) == (503, ["error"])
        assert server.get("/v2/health/live").status_code == 200
        for _ in range(4):
            stack.enter_context(connect(server))
        time.sleep(0.1)
        with pytest.raises(requests.ConnectionError):
            server.get("/v2/health/live")
    time.sleep(0.2)
    assert server.predict([ROW]).status_code == 200


ROWS = 200_000


def ask_without_reading(server) -> socket.socket:
    """A connection with an answer of 8 MB, of which the client reads nothing."""
    body = b'{"instances": [' + b",".join([b"[1.25,2.5,3.75]"] * ROWS) + b"]}"
    connection = connect(server)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    request = b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b"
    connection.sendall(request % (PREDICT.encode(), len(body), body))
    return connection


LARGE_ANSWERS = {"batching": {"largest_batch": 8192}}


def test_an_answer_that_is_not_read_is_dropped(root, monkeypatch):
    closed, connection_lost = threading.Event(), http_guard.GuardedProtocol.connection_lost

    def record(connection, error) -> None:
        connection_lost(connection, error)
        closed.set()

    monkeypatch.setattr(http_guard.GuardedProtocol, "connection_lost", record)
    limits = {"rows": ROWS, "timeout_s": 20}
    with served(root, connections=LIMITS, limits=limits, **LARGE_ANSWERS) as server:
        with ask_without_reading(server):
            assert closed.wait(20)
        assert server.predict([ROW]).status_code == 200


def test_a_stop_ends_although_an_answer_is_not_read(root):
    limits = {"rows": ROWS, "timeout_s": 5}
    with served(root, limits=limits, **LARGE_ANSWERS) as server:
        connection = ask_without_reading(server)
        time.sleep(4)
        start = time.monotonic()
    assert time.monotonic() - start < 15
    connection.close()


def test_the_limit_of_connections_is_lowered_to_the_files_that_may_be_opened(monkeypatch):
    limits = ConnectionLimits()
    monkeypatch.setattr(http_guard.resource, "getrlimit", lambda kind: (1024, 4096))
    assert http_guard.connection_limit(limits) == 1024 - http_guard.RESERVED_FILES - 16
    monkeypatch.setattr(http_guard.resource, "getrlimit", lambda kind: (65536, 65536))
    assert http_guard.connection_limit(limits) == limits.connections
