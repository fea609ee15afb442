"""Connections that send too much, too slowly, or never read."""

import time
from collections import Counter
from contextlib import ExitStack, suppress
from itertools import count

from benchmarks.attack.sending import Run, Victim, instances, read_answer, repeat

PREDICT = b"POST /v1/models/numbers:predict HTTP/1.1\r\nHost: localhost\r\n"
PIECE, LONG = b"a" * (1 << 20), 170  # MiB


def long_heads(victim: Victim) -> Run:
    """A URL, a header, and small headers of 170 MiB together."""
    starts = [b"GET /", PREDICT + b"A: ", PREDICT]
    pieces = [PIECE, PIECE, b"A: b\r\n" * 170_000]
    numbers = count()

    def send() -> str:
        kind = next(numbers) % 3
        with victim.socket() as connection:
            with suppress(OSError):
                connection.sendall(starts[kind])
                for _ in range(LONG):
                    connection.sendall(pieces[kind])
            return read_answer(connection)

    return lambda: repeat(victim, send, threads=3)


def slow_heads(victim: Victim) -> Run:
    """200 connections that send a header a second, and 500 silent ones."""

    def run() -> Counter:
        answers: Counter = Counter()
        while not victim.is_over:
            with ExitStack() as stack:
                slow = [stack.enter_context(victim.socket()) for _ in range(200)]
                silent = [stack.enter_context(victim.socket()) for _ in range(500)]
                for piece in range(15):
                    for connection in slow:
                        with suppress(OSError):
                            connection.sendall(PREDICT if piece == 0 else b"A: b\r\n")
                    time.sleep(1)
                answers.update(read_answer(connection) for connection in [*slow, *silent])
        return answers

    return run


def unread_answers(victim: Victim) -> Run:
    """60 clients that never read an answer, each of some 100 KB, asked for again and again."""
    body = instances([[1.25, 2.5, 3.75]] * 1024)
    request = PREDICT + b"Content-Length: %d\r\n\r\n" % len(body) + body

    def run() -> Counter:
        answers: Counter = Counter()
        while not victim.is_over:
            with ExitStack() as stack:
                connections = [stack.enter_context(victim.socket()) for _ in range(60)]
                for connection in connections:
                    connection.settimeout(0.2)
                    with suppress(OSError):
                        for _ in range(200):  # pipelined, until neither side takes more
                            connection.sendall(request)
                time.sleep(5)
                answers["unread"] += len(connections)
        return answers

    return run


def unfinished_bodies(victim: Victim) -> Run:
    """60 bodies of 31 MB at the same time, of which the last byte is missing."""

    def run() -> Counter:
        answers: Counter = Counter()
        while not victim.is_over:
            with ExitStack() as stack:
                connections = [stack.enter_context(victim.socket()) for _ in range(60)]
                head = PREDICT + b"Content-Length: %d\r\n\r\n" % (30 * len(PIECE) + 1)
                for connection in connections:
                    with suppress(OSError):
                        connection.sendall(head)
                        for _ in range(30):
                            connection.sendall(PIECE)
                for connection in connections[::2]:
                    with suppress(OSError):
                        connection.sendall(b" ")
                answers.update(read_answer(connection) for connection in connections[::2])
        return answers

    return run


def many_connections(victim: Victim) -> Run:
    """More connections than are allowed, opened and closed without pause."""

    def run() -> Counter:
        answers: Counter = Counter()
        while not victim.is_over:
            with ExitStack() as stack:
                for _ in range(1100):
                    try:
                        stack.enter_context(victim.socket())
                        answers["opened"] += 1
                    except OSError:
                        answers["refused"] += 1
                time.sleep(1)
        return answers

    return run


ATTACKS = {
    "heads of 170 MB": long_heads,
    "slow and silent connections": slow_heads,
    "answers that are not read": unread_answers,
    "60 unfinished bodies of 31 MB": unfinished_bodies,
    "1,100 connections": many_connections,
}
