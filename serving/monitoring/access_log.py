"""The access log: one JSON object a line for each request.

Lines are buffered for a tenth of a second: a write for each request would cost more than the line.
The log is off unless a program passes one to the core; servers in tests and Ray's replicas do not.
"""

import asyncio
from typing import TextIO

import orjson

FLUSH_INTERVAL_S = 0.1


class AccessLog:
    def __init__(self, stream: TextIO):
        self._stream = stream
        self._lines: list[bytes] = []

    def add(self, entry: dict) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_INTERVAL_S, self.flush)
        self._lines.append(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        self._stream.write(b"".join(lines).decode())
        self._stream.flush()
