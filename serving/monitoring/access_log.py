"""The access log: a JSON object a line for each request.

Lines of a tenth of a second are written together: a write for each costs more than its line. It is
off unless a program opens it; a server inside a test, or one of Ray's replicas, keeps quiet.
"""

import asyncio
from typing import TextIO

import orjson

TOGETHER_S = 0.1


class AccessLog:
    def __init__(self, stream: TextIO):
        self._stream = stream
        self._lines: list[bytes] = []

    def add(self, line: dict) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(TOGETHER_S, self.flush)
        self._lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        self._stream.write(b"".join(lines).decode())
        self._stream.flush()
