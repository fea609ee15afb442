"""Script and language of short texts, by their letters and their most frequent words."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache

from pipelines.preparation.data_report.findings import Finding, first

FEW, SHARE = 3, 0.01  # texts, and share of them, from which a second language is reported
MIN_HITS = 2
# Frequent words that tell these languages apart; words that two of them share are left out.
FREQUENT = {
    "English": "the and is of to it you that was for with this are have not they be what my",
    "German": "der das und ist nicht ein eine ich sie mit auf für den dem auch wird sind von zu",
    "French": "le les et est une des dans pour que pas vous je il sur avec ce qui sont au du",
    "Spanish": "el los las y es una por con para no lo como está pero muy más del su al",
    "Italian": "il gli è di che per non una con sono della nel ma anche questo più alla",
    "Portuguese": "o os uma não com para em mais mas foi do da ao são está muito você",
    "Dutch": "het een van en is niet dat zijn op te ik met voor maar er ook naar",
}
WORDS = {language: frozenset(words.split()) for language, words in FREQUENT.items()}


@cache
def _script_of(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").split()[0]


def script(text: str) -> str:
    """The script of most letters: LATIN, CYRILLIC, CJK ...; "" for a text without letters."""
    counts = Counter(_script_of(letter) for letter in text if letter.isalpha())
    return counts.most_common(1)[0][0] if counts else ""


def language(text: str) -> str:
    """One of the known languages, "" where the words do not say."""
    words = text.casefold().split()
    hits = Counter({name: sum(word in known for word in words) for name, known in WORDS.items()})
    (name, most), (_, second) = hits.most_common(2)
    return name if most >= MIN_HITS and most > second else ""


def report(texts: Sequence[str], places: Sequence[str]) -> list[Finding]:
    """Whether scripts or languages are mixed, and where the rarer ones begin."""
    findings = []
    for code, kind, function in (
        ("scripts-mixed", "scripts", script), ("languages-mixed", "languages", language),
    ):  # fmt: skip
        rows = defaultdict(list)
        for row, text in enumerate(texts):
            if name := function(text):
                rows[name].append(row)
        order = sorted(rows, key=lambda name: -len(rows[name]))
        total = sum(map(len, rows.values()))
        least = 1 if code == "scripts-mixed" else max(FEW, SHARE * total)
        rarer = [name for name in order[1:] if len(rows[name]) >= least]
        if rarer:
            count = sum(len(rows[name]) for name in rarer)
            parts = ", ".join(f"{name} {len(rows[name])}" for name in [order[0], *rarer])
            examples = first(f"{places[rows[name][0]]}: {texts[rows[name][0]]}" for name in rarer)
            findings.append(Finding(code, "warning", count, f"{kind}: {parts}", examples))
    return findings
