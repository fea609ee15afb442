"""What attacks send with: requests by REST and gRPC, and plain sockets."""

import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path

# What an attack is after its bodies are made: runs it, and counts the answers.
Run = Callable[[], Counter]
TIMEOUT_S = 40.0  # longer than the server's


@dataclass(frozen=True)
class Victim:
    """The server: http://host:port, host:port, its models; and how long it is attacked."""

    rest: str
    grpc: str
    root: Path
    seconds: float

    @cached_property
    def end(self) -> float:
        """In terms of time.monotonic(); counted from when it is first read."""
        return time.monotonic() + self.seconds

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.end

    def socket(self) -> socket.socket:
        host, port = self.rest.removeprefix("http://").split(":")
        return socket.create_connection((host, int(port)), timeout=TIMEOUT_S)

    def post(self, model: str, body: bytes, headers: dict | None = None) -> str:
        """The status, or the name of the error."""
        connection = http.client.HTTPConnection(
            self.rest.removeprefix("http://"), timeout=TIMEOUT_S
        )
        try:
            connection.request("POST", f"/v1/models/{model}:predict", body, headers or {})
            answer = connection.getresponse()
            answer.read()
            return str(answer.status)
        except (OSError, http.client.HTTPException):
            return "closed"
        finally:
            connection.close()


def instances(rows: list) -> bytes:
    return json.dumps({"instances": rows}).encode()


def repeat(victim: Victim, send: Callable[[], str], threads: int = 1) -> Counter:
    """Sends until the end, from several threads; counts the answers."""
    answers: Counter = Counter()

    def loop() -> None:
        while not victim.is_over:
            answers[send()] += 1

    running = [threading.Thread(target=loop) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return answers


def posting(
    victim: Victim, model: str, cases: Sequence[tuple[bytes, dict]], threads: int = 1
) -> Run:
    """Posts bodies with their headers in turn."""
    numbers = count()

    def send() -> str:
        return victim.post(model, *cases[next(numbers) % len(cases)])

    return lambda: repeat(victim, send, threads)


def read_answer(connection: socket.socket) -> str:
    """The status of what the server sends, or "closed"."""
    try:
        head = connection.recv(1 << 16)
    except OSError:
        return "closed"
    words = head.split(b" ", 2)
    return words[1].decode() if len(words) > 2 else "closed"
