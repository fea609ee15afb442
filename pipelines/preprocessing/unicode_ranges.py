"""Python's character classes as expressions of explicit ranges, for regular expressions of RE2.

RE2, by which TensorFlow replaces, has \\d, \\w and \\s of ASCII alone, and other tables of Unicode
for its named classes. With ranges both split every text alike.
"""

import functools
import re

SURROGATES = range(0xD800, 0xE000)  # code points that are no characters


@functools.cache
def ranges(python_class: str) -> str:
    """The inside of a character class: "\\\\d" -> "\\\\x{30}-\\\\x{39}\\\\x{660}-...".

    Args:
        python_class: an expression that matches one character.
    """
    text = "".join("\ufffd" if code in SURROGATES else chr(code) for code in range(0x110000))
    spans = (match.span() for match in re.finditer(f"(?:{python_class})+", text))
    return "".join(f"\\x{{{start:X}}}-\\x{{{end - 1:X}}}" for start, end in spans)
