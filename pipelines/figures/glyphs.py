"""Characters that the figures' own font lacks: drawn with another installed font, or spelled out.

DejaVu Sans ships inside matplotlib and has Latin, Greek, Cyrillic and more, but no Chinese, Korean
or Japanese characters, which would become empty boxes. Such a character is drawn with the first
installed font that has it. Without one it is spelled: Korean and Japanese syllables by their names,
all others by their numbers, as in a Python string: \\u732b.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import chain
from pathlib import Path

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from matplotlib.ticker import ScalarFormatter

OWN_FONT = "DejaVu Sans"
PLACEHOLDERS = "Last Resort"  # a font of boxes
SPELLED = ("HANGUL SYLLABLE ", "HIRAGANA LETTER ", "KATAKANA LETTER ")


def complete(figure: Figure) -> None:
    """Gives every text of the figure the fonts that it needs, and spells out what no font has."""
    texts = figure.findobj(Text)
    axes = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    labels_of = {
        axis: [text.get_text() for text in axis.get_ticklabels()]
        for axis in axes
        if not isinstance(axis.get_major_formatter(), ScalarFormatter)
    }
    shown = "".join(chain((text.get_text() for text in texts), *labels_of.values()))
    in_font = _characters(font_manager.findfont(OWN_FONT))
    characters = {char for char in shown if char.isprintable() and ord(char) not in in_font}
    if not characters:
        return
    fonts = {char: fallback(char) for char in characters}
    families = [OWN_FONT, *sorted({font for font in fonts.values() if font})]
    unknown = {char for char, font in fonts.items() if font is None}
    if unknown:
        _print_once()
    for axis, labels in labels_of.items():
        axis.set_ticks(axis.get_ticklocs(), [spell(label, unknown) for label in labels])
        axis.set_tick_params(labelfontfamily=families)
    for text in texts:
        text.set_text(spell(text.get_text(), unknown))
        text.set_fontfamily(families)


def spell(text: str, unknown: Iterable[str]) -> str:
    """The text with its unknown characters spelled out."""
    return "".join(_spelled(char) if char in unknown else char for char in text)


def _spelled(char: str) -> str:
    name = unicodedata.name(char, "")
    if name.startswith(SPELLED):
        return name.rsplit(" ", 1)[-1].lower()
    return char.encode("ascii", "backslashreplace").decode()


@cache
def fallback(char: str) -> str | None:
    """The family of an installed font that has the character."""
    return next((font.name for font in _fonts() if ord(char) in _characters(font.fname)), None)


@cache
def _characters(file: str) -> frozenset[int]:
    return frozenset(FT2Font(file).get_charmap())


@cache
def _fonts() -> list[font_manager.FontEntry]:
    """All installed fonts, also those that are newer than matplotlib's list of them."""
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    for file in font_manager.findSystemFonts():
        if file not in known:
            try:
                font_manager.fontManager.addfont(file)
            except (OSError, RuntimeError, ValueError):
                print(f"{file}: not a font that matplotlib reads; passed over")
    fonts = (
        font
        for font in font_manager.fontManager.ttflist
        if not font.name.startswith(PLACEHOLDERS)
        and (font.style, font.weight) == ("normal", 400)
        and Path(font.fname).is_file()
    )
    return sorted(fonts, key=lambda font: (font.name, font.fname))


@cache
def _print_once() -> None:
    print(
        "figures: no installed font has some characters, which are spelled out; install one "
        "(Debian and Ubuntu: apt-get install fonts-noto-cjk)"
    )
