"""The rows of the texts that grow together, and what a thread does with them."""

from collections.abc import Sequence
from typing import Any

from serving.servables import text_generator
from serving.servables.signature import Arrays
from serving.servables.text_generator import Parameters, Rows, TextGenerator

Notes = dict[str, Any]


class TextBatch:
    """Used by one call at a time; between two calls the rows stay where TensorFlow has them."""

    def __init__(self, generator: TextGenerator):
        self._generator = generator
        self._rows: Rows | None = None

    def grow(
        self, remaining: Sequence[int], prompts: Sequence[bytes], parameters: Sequence[Parameters]
    ) -> tuple[list[Notes | Exception], Arrays | Exception]:
        """One token for each text: those that remain, then the new ones.

        Args:
            remaining: rows of the last call.
            prompts, parameters: of new texts.

        Returns:
            Notes on each new text, or why it cannot begin; and the tokens of all texts, or the
            error that ends all of them.
        """
        self._keep(remaining)
        begun = self._begin(prompts, parameters) if prompts else []
        if self._rows is None:
            return begun, {}
        try:
            self._rows, token = self._generator.advance(self._rows)
        except Exception as error:  # noqa: BLE001  belongs to the requests, not to the thread
            return begun, error
        return begun, token

    def _keep(self, remaining: Sequence[int]) -> None:
        if not remaining:
            self._rows = None
        elif self._rows is not None and len(remaining) < text_generator.count(self._rows):
            self._rows = text_generator.select(self._rows, remaining)

    def _begin(
        self, prompts: Sequence[bytes], parameters: Sequence[Parameters]
    ) -> list[Notes | Exception]:
        """Adds rows of new texts. If that fails it is repeated for each half, so that an invalid
        prompt fails alone."""
        try:
            rows, notes = self._generator.begin(prompts, parameters)
        except Exception as error:  # noqa: BLE001  belongs to the requests, not to the thread
            if len(prompts) == 1:
                return [error]
            half = len(prompts) // 2
            return [
                *self._begin(prompts[:half], parameters[:half]),
                *self._begin(prompts[half:], parameters[half:]),
            ]
        self._rows = rows if self._rows is None else text_generator.concat(self._rows, rows)
        return [*notes]
