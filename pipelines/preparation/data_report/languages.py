"""Script and language of short texts, by their letters and their most frequent words."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache

import numpy as np

from pipelines.preparation.data_report.findings import Finding, evenly_spread, first

ENGLISH, LATIN = "English", "LATIN"
FEW, SHARE = 3, 0.01  # texts, and share of them, from which a second language is reported
MIN_HITS = 2
MAX_EXAMINED = 10_000  # texts whose language is looked up, evenly spread over all
CHUNK = 1_000  # texts whose letters are counted at once
# Frequent words that tell these languages apart; words that two of them share are left out.
FREQUENT = {
    ENGLISH: "the and is of to it you that was for with this are have not they be what my",
    "German": "der das und ist nicht ein eine ich sie mit auf für den dem auch wird sind von zu",
    "French": "le les et est une des dans pour que pas vous je il sur avec ce qui sont au du",
    "Spanish": "el los las y es una por con para no lo como está pero muy más del su al",
    "Italian": "il gli è di che per non una con sono della nel ma anche questo più alla",
    "Portuguese": "o os uma não com para em mais mas foi do da ao são está muito você",
    "Dutch": "het een van en is niet dat zijn op te ik met voor maar er ook naar",
}
WORDS = {language: frozenset(words.split()) for language, words in FREQUENT.items()}


@cache
def _script_of(character: int) -> str:
    letter = chr(character)
    return unicodedata.name(letter, "UNKNOWN").split()[0] if letter.isalpha() else ""


def scripts(texts: Sequence[str]) -> list[str]:
    """The script of most letters of each text: LATIN, CYRILLIC, CJK ...; "" where there is none."""
    names = []
    for start in range(0, len(texts), CHUNK):
        names += _scripts(texts[start : start + CHUNK])
    return names


def _scripts(texts: Sequence[str]) -> list[str]:
    encoded = "".join(texts).encode("utf-32-le", "surrogatepass")
    characters = np.frombuffer(encoded, np.uint32)
    distinct = np.flatnonzero(np.bincount(characters)).tolist()
    script_of = {character: _script_of(character) for character in distinct}
    names = ["", *sorted({name for name in script_of.values() if name})]
    columns = np.zeros(max(distinct, default=0) + 1, np.int64)  # by character
    columns[distinct] = [names.index(name) for name in script_of.values()]
    rows = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    cells = rows * len(names) + columns[characters]
    counts = np.bincount(cells, minlength=len(texts) * len(names)).reshape(-1, len(names))
    counts[:, 0] = 0  # characters that are no letters
    return [names[column] for column in counts.argmax(axis=1)]


def language(text: str) -> str:
    """One of the known languages, "" where the words do not say."""
    words = text.casefold().split()
    hits = Counter({name: sum(word in known for word in words) for name, known in WORDS.items()})
    (name, most), (_, second) = hits.most_common(2)
    return name if most >= MIN_HITS and most > second else ""


def is_english(texts: Sequence[str]) -> bool:
    """Whether no other known language, nor a script other than Latin, is more frequent."""
    sample = [texts[row] for row in evenly_spread(len(texts), MAX_EXAMINED)]
    for names, expected in ((scripts(sample), LATIN), (map(language, sample), ENGLISH)):
        counts = Counter(name for name in names if name)
        if counts and counts[expected] < max(counts.values()):
            return False
    return True


def report(texts: Sequence[str], places: Sequence[str]) -> list[Finding]:
    """Whether scripts or languages are mixed, and where the rarer ones begin."""
    findings = []
    sample = evenly_spread(len(texts), MAX_EXAMINED)
    for code, kind, examined, names in (
        ("scripts-mixed", "scripts", range(len(texts)), scripts(texts)),
        ("languages-mixed", "languages", sample, [language(texts[row]) for row in sample]),
    ):
        rows = defaultdict(list)
        for row, name in zip(examined, names, strict=True):
            if name:
                rows[name].append(row)
        order = sorted(rows, key=lambda name: -len(rows[name]))
        total = sum(map(len, rows.values()))
        least = 1 if code == "scripts-mixed" else max(FEW, SHARE * total)
        rarer = [name for name in order[1:] if len(rows[name]) >= least]
        if rarer:
            count = sum(len(rows[name]) for name in rarer)
            parts = ", ".join(f"{name} {len(rows[name])}" for name in [order[0], *rarer])
            examples = first(f"{places[rows[name][0]]}: {texts[rows[name][0]]}" for name in rarer)
            note = "" if len(examined) == len(texts) else f" (of {len(examined)} texts examined)"
            findings.append(Finding(code, "warning", count, f"{kind}: {parts}{note}", examples))
    return findings
