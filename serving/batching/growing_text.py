"""A text that grows by bytes, and how much of it may be shown."""

import codecs
from collections.abc import Sequence


class GrowingText:
    """Whole characters alone are shown, and nothing that may be part of a stop string.

    Args:
        stops: the text ends before the first of them that is complete; of two that are complete at
            once, before the longer one.
    """

    def __init__(self, stops: Sequence[str]):
        self._stops = stops
        # Half a character waits for the rest; what can be no character becomes U+FFFD.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text, self._shown = "", 0
        self.is_stopped = False

    def add(self, piece: bytes) -> None:
        before = len(self._text)
        self._text += self._decoder.decode(piece)
        matches = []
        for stop in self._stops:
            start = self._text.find(stop, max(0, before - len(stop) + 1))
            if start >= 0:
                matches.append((start + len(stop), start))
        if matches:
            _, start = min(matches)
            self._text, self.is_stopped = self._text[:start], True

    def take(self, *, is_whole: bool) -> str:
        """What may be shown and has not been taken yet; is_whole: nothing will be added."""
        end = len(self._text)
        if not (is_whole or self.is_stopped):
            end -= max(map(self._begun, self._stops), default=0)
        start, self._shown = self._shown, max(end, self._shown)
        return self._text[start : self._shown]

    def _begun(self, stop: str) -> int:
        """The length of the longest end of the text that a stop string begins with."""
        start = max(self._shown, len(self._text) - len(stop) + 1)
        while (start := self._text.find(stop[0], start)) >= 0:
            if stop.startswith(self._text[start:]):
                return len(self._text) - start
            start += 1
        return 0
