"""Text to words and signs, and back, for translation without a network."""

import re
from collections.abc import Iterable, Sequence

TOKENS = r"\d+(?:[.,:]\d+)*|\w+|[^\w\s]"  # numbers, words, signs
CLOSING, OPENING, CONNECTING = ",.!?;:)]", "([", "'\u2019-"  # signs without a space beside them


def split(text: str) -> list[str]:
    return re.findall(TOKENS, text)


def join(tokens: Iterable[str]) -> str:
    """Tokens to text: commas and full stops are attached to the word before, brackets to what is
    inside, and l' or a hyphen between words to both."""
    tokens = list(tokens)
    text = ""
    for place, token in enumerate(tokens):
        attached = (
            place == 0 or token in CLOSING or tokens[place - 1] in OPENING
            or _connects(tokens, place) or _connects(tokens, place - 1)
        )  # fmt: skip
        text += token if attached else f" {token}"
    return text


def _connects(tokens: Sequence[str], place: int) -> bool:
    """Whether the token is an apostrophe or a hyphen between two words."""
    return (
        0 < place < len(tokens) - 1
        and tokens[place] in CONNECTING
        and all(re.match(r"\w", tokens[other]) for other in (place - 1, place + 1))
    )
