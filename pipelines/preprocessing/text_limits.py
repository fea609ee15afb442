"""How much of a text a served model reads.

Tokenizing takes time and memory for every byte, also for those after the last token that a model
can read. So the served graph cuts a text first, at a length that its tokens do not reach unless
they are longer than any word.
"""

BYTES_PER_TOKEN = 256


def max_bytes(max_tokens: int) -> int:
    """Bytes (UTF-8) of a text that are read by a model of at most so many tokens."""
    return BYTES_PER_TOKEN * max_tokens
