"""Bodies of requests: read under limits, and decompressed in pieces."""

import asyncio
import zlib

from starlette.requests import ClientDisconnect, Request

from serving.core.prediction import LARGE_BODY, Core, RequestRecord
from serving.errors import (
    BadRequest,
    ClientDisconnected,
    DeadlineExceeded,
    QueueFull,
    TooLarge,
    UnsupportedMediaType,
)

PIECE = 1 << 16  # bytes that are decompressed at a time
# Values of Content-Encoding, RFC 9110, section 8.4.1, and the formats that zlib is to expect.
GZIP, ZLIB, RAW = 31, 15, -15
ENCODINGS = {"gzip": GZIP, "x-gzip": GZIP, "deflate": ZLIB}


async def read_body(core: Core, request: Request, record: RequestRecord) -> bytes:
    """All of a body, decompressed.

    Args:
        core: has the limits.
        request: whose body is read.
        record: holds the bytes that have arrived, until the request is finished.

    Raises:
        TooLarge: the body is larger than a body may be, as it is sent or decompressed.
        QueueFull: the server holds too many bytes of all requests.
        BadRequest: it is not what its Content-Encoding says.
        UnsupportedMediaType: its Content-Encoding is not known.
    """
    data = await receive(core, request, record)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return data
    if encoding not in ENCODINGS:
        accepted = ", ".join(sorted(ENCODINGS))
        raise UnsupportedMediaType(f"content-encoding {encoding!r:.40}; accepted: {accepted}")
    stream = Decompressor(data, ENCODINGS[encoding], core.config.limits.body_bytes)
    stream.decompress(LARGE_BODY)
    core.hold(record, stream.size)
    if stream.is_finished:
        return stream.result()
    # One at a time: how large it becomes is not known before.
    async with core.decoding_large(core.deadline(record)):
        held = stream.size
        while not stream.is_finished:
            await asyncio.to_thread(stream.decompress, stream.size + (1 << 20))
            core.hold(record, stream.size - held)
            held = stream.size
    return stream.result()


async def receive(core: Core, request: Request, record: RequestRecord) -> bytes:
    """Reads all of a body before an error: a client that still sends reads no answer."""
    limit, size, chunks, error = core.config.limits.body_bytes, 0, [], None
    try:
        async with asyncio.timeout_at(
            asyncio.get_running_loop().time() + core.config.limits.timeout_s
        ):
            async for chunk in request.stream():
                size += len(chunk)
                if error is None and size <= limit:
                    chunks.append(chunk)
                    try:
                        core.hold(record, len(chunk))
                    except QueueFull as full:
                        error = full
                if error is not None or size > limit:
                    chunks.clear()
                    core.give_back(record)
    except ClientDisconnect:
        raise ClientDisconnected("the client disconnected before its request was read") from None
    except TimeoutError:
        raise DeadlineExceeded("the body did not arrive in time") from None
    if size > limit:
        raise TooLarge(f"a body of {size} bytes; at most {limit}")
    if error is not None:
        raise error
    return b"".join(chunks)


class Decompressor:
    """Decompresses a body in pieces, so that it can be stopped at any size.

    Args:
        data: the compressed body.
        wbits: the format, for zlib.
        limit: largest size, in bytes.
    """

    def __init__(self, data: bytes, wbits: int, limit: int):
        if wbits == ZLIB and not _has_zlib_header(data):
            wbits = RAW  # which some clients send as deflate
        self._data, self._offset, self._limit = data, 0, limit
        self._stream = zlib.decompressobj(wbits)
        self._pieces: list[bytes] = []
        self.size = 0

    @property
    def is_finished(self) -> bool:
        return self._stream.eof

    def decompress(self, size: int) -> None:
        """Goes on until this size is reached, or the end.

        Raises:
            TooLarge: it is larger than the limit.
            BadRequest: it is damaged, cut off, or followed by something else.
        """
        try:
            while not self.is_finished and self.size < size:
                self._next_piece()
        except zlib.error as error:
            raise BadRequest(f"the body is not what its content-encoding says: {error}") from None
        if self._stream.unused_data or (self.is_finished and self._offset < len(self._data)):
            raise BadRequest("bytes follow the end of the compressed body")

    def _next_piece(self) -> None:
        block = self._stream.unconsumed_tail
        if not block:
            block = self._data[self._offset : self._offset + PIECE]
            self._offset += len(block)
        piece = self._stream.decompress(block, PIECE)
        if not block and not piece and not self._stream.eof:
            raise BadRequest("the compressed body is cut off")
        self._pieces.append(piece)
        self.size += len(piece)
        if self.size > self._limit:
            raise TooLarge(f"a body of more than {self._limit} bytes when decompressed")

    def result(self) -> bytes:
        return b"".join(self._pieces)


def _has_zlib_header(data: bytes) -> bool:
    """RFC 1950, section 2.2: method 8, and a multiple of 31."""
    return len(data) >= 2 and data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
