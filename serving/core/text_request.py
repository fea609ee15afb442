"""The checked inputs of a text to be made, as the stream that it fills."""

import secrets

from serving.batching.text_stream import TextStream
from serving.errors import BadRequest
from serving.servables.signature import Arrays
from serving.servables.text_generator import MAX_TOKENS, PROMPT, STOP

SEED, FRESH = "seed", -1
MAX_STOP = 64  # characters


def text_stream(arrays: Arrays, deadline: float) -> TextStream:
    """arrays: of one row, checked against the signature `generate`."""
    values = {name: array[0] for name, array in arrays.items()}
    parameters = {
        name: value.item()
        for name, value in values.items()
        if name not in (PROMPT, MAX_TOKENS, STOP)
    }
    if parameters.get(SEED) == FRESH:
        # As many as a number of JavaScript holds exactly: it may be sent again.
        parameters[SEED] = secrets.randbelow(1 << 53)
    stops = [stop.decode("utf-8", "replace") for stop in values[STOP] if stop]
    if too_long := [stop for stop in stops if len(stop) > MAX_STOP]:
        raise BadRequest(f"{STOP}: {len(too_long[0])} characters; at most {MAX_STOP}")
    return TextStream(values[PROMPT], parameters, int(values[MAX_TOKENS]), stops, deadline)
