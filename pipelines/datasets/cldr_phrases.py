"""English and French phrases from Unicode's CLDR data, which ships inside Babel: no download.

Dates, times, durations, quantities with units, amounts of money, and lists of territories or
languages are formatted in both languages from the same data. The languages differ in word order,
12 and 24 hour clocks, plurals, and thousands and decimal separators. `source` is the file that pins
Babel, whose version determines the phrases.

Every *atom* (each name, unit, currency, month and weekday) is in train, since a model cannot guess
that Germany is Allemagne; what is split are *combinations*. All phrases made from one combination
(one date in all its formats, one amount of one unit, one set of list members in any order) are in
one split, so no test combination is in train or val in any format or order.

options (params.yaml, `datasets.<key>.options`):

    phrases     how many combinations of each kind
    source_language  en or fr; the target is the other
    subwords    the joint vocabulary of both languages; see preparation/sentence_pairs.py
    split       val and test, fractions of the combinations

French no-break spaces become plain spaces.
"""

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from babel import Locale, dates, lists, numbers, units
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.schema import STRICT
from pipelines.preparation import sentence_pairs, splits
from pipelines.preparation.sentence_pairs import Pairs, SubwordOptions
from pipelines.preparation.splits import HoldOut, Share

Count = Annotated[int, Field(strict=True, ge=20)]
ENGLISH, FRENCH = Locale("en"), Locale("fr")
SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " "})
DATE_FORMATS = ("full", "long", "medium")
FAMILIES = ("area", "length", "mass", "volume", "speed", "digital", "power", "energy")
FIRST_DAY, DAYS = datetime.date(1900, 1, 1).toordinal(), 73_049  # to the end of 2099
Phrase = tuple[str, str]


class Phrases(BaseModel):
    """Combinations of each kind; dates and durations have more than one format.

    dates, times, durations, quantities, money, lists: how many of them.
    """

    model_config = STRICT
    dates: Count = 900
    times: Count = 400
    durations: Count = 400
    quantities: Count = 1500
    money: Count = 1000
    lists: Count = 1500


class Split(HoldOut):
    """val, test: a fraction of the combinations when below 1, otherwise how many."""

    val: Share = 0.08
    test: Share = 0.12


class Options(BaseModel):
    model_config = STRICT
    phrases: Phrases = Phrases()
    source_language: Literal["en", "fr"] = "en"
    subwords: SubwordOptions = SubwordOptions(vocabulary_size=1200, max_tokens=40)
    split: Split = Split()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    rng = np.random.default_rng(seed)
    atoms, combinations = names() + units_currencies_and_dates(), []
    for kind, (_, count) in enumerate(options.phrases):
        combinations += [(kind, phrases) for phrases in KINDS[kind](rng, count)]
    kinds = np.array([kind for kind, _ in combinations])
    rows = np.arange(len(combinations))
    sizes = {
        split: splits.split_size(getattr(options.split, split), len(rows), f"split.{split}")
        for split in ("val", "test")
    }
    drawn = splits.hold_out(rows, kinds, rows, sizes, rng)
    pairs, first_line = {}, 1
    for split in splits.SPLITS:
        phrases = [phrase for row in drawn[split] for phrase in combinations[row][1]]
        phrases = atoms + phrases if split == "train" else phrases
        english, french = (
            [text.translate(SPACES) for text in side] for side in zip(*phrases, strict=True)
        )
        from_english = options.source_language == "en"
        sources, targets = (english, french) if from_english else (french, english)
        pairs[split] = Pairs(sources, targets, np.arange(first_line, first_line + len(phrases)))
        first_line += len(phrases)
    seen = np.isin(pairs["test"].sources, pairs["train"].sources)
    subwords = sentence_pairs.write(out / "repeat0", "CLDR", pairs, seen, options.subwords)
    sentence_pairs.write_report(out, pairs)
    return sentence_pairs.describe(subwords.size, options.subwords, 1)


def in_both(format_phrase: Callable[[Locale], str]) -> Phrase:
    return format_phrase(ENGLISH), format_phrase(FRENCH)


def names() -> list[Phrase]:
    """Every territory and language that has a name in both."""
    return [
        (getattr(ENGLISH, table)[code], getattr(FRENCH, table)[code])
        for table in ("territories", "languages")
        for code in _codes(table)
    ]


def units_currencies_and_dates() -> list[Phrase]:
    """Every unit, currency, month and weekday once, in its basic form."""
    phrases = [in_both(lambda x, u=u: units.format_unit(1, u, locale=x)) for u in _units()]
    phrases += [
        in_both(lambda x, c=c: numbers.get_currency_name(c, locale=x)) for c in _currencies()
    ]
    for year in (2024, 2026):
        days = [datetime.date(year, month, 7 + month) for month in range(1, 13)]
        phrases += [in_both(lambda x, d=d, f=f: _date(d, f, x)) for d in days for f in DATE_FORMATS]
    return phrases


def _dates(rng, count) -> Iterator[list[Phrase]]:
    """One day in one format, and with a time."""
    for ordinal in _distinct(rng, DAYS, count):
        day = datetime.date.fromordinal(FIRST_DAY + int(ordinal))
        style = DATE_FORMATS[rng.integers(3)]
        minute = datetime.time(int(rng.integers(24)), int(rng.integers(60)))
        moment = datetime.datetime.combine(day, minute)
        yield [
            in_both(lambda x, d=day, s=style: _date(d, s, x)),
            in_both(lambda x, m=moment: dates.format_datetime(m, "medium", locale=x)),
        ]


def _date(day, style, locale) -> str:
    return dates.format_date(day, style, locale=locale)


def _times(rng, count) -> Iterator[list[Phrase]]:
    for second in _distinct(rng, 86_400, count):
        time = (datetime.datetime.min + datetime.timedelta(seconds=int(second))).time()
        yield [in_both(lambda x, t=time: dates.format_time(t, "medium", locale=x))]


def _durations(rng, count) -> Iterator[list[Phrase]]:
    """A number of seconds to years; plain, ahead or past."""
    sizes = {"year": 31_536_000, "month": 2_592_000, "week": 604_800, "day": 86_400,
             "hour": 3600, "minute": 60, "second": 1}  # fmt: skip
    names = list(sizes)
    for number in _distinct(rng, 100 * len(names), count):
        amount, unit = 2 + int(number) // len(names), names[int(number) % len(names)]
        delta = datetime.timedelta(seconds=amount * sizes[unit])
        sign = 1 if rng.random() < 0.5 else -1
        yield [
            in_both(lambda x, a=amount, u=unit: units.format_unit(a, f"duration-{u}", locale=x)),
            in_both(
                lambda x, d=delta * sign, u=unit: dates.format_timedelta(
                    d, granularity=u, threshold=1e9, add_direction=True, locale=x
                )
            ),
        ]


def _quantities(rng, count) -> Iterator[list[Phrase]]:
    known, used = _units(), set()
    while len(used) < count:
        amount, unit = _amount(rng), known[rng.integers(len(known))]
        if (amount, unit) not in used:
            used.add((amount, unit))
            yield [in_both(lambda x, a=amount, u=unit: units.format_unit(a, u, locale=x))]


def _money(rng, count) -> Iterator[list[Phrase]]:
    known, used = _currencies(), set()
    while len(used) < count:
        amount, code = _amount(rng), known[rng.integers(len(known))]
        if (amount, code) not in used:
            used.add((amount, code))
            yield [
                in_both(
                    lambda x, a=amount, c=code: numbers.format_currency(
                        a, c, locale=x, format_type="name", currency_digits=False
                    )
                )
            ]


def _lists(rng, count) -> Iterator[list[Phrase]]:
    """Two to four names, joined by and, or."""
    used = set()
    while len(used) < count:
        table = ("territories", "languages")[rng.integers(2)]
        known = _codes(table)
        picked = [known[i] for i in rng.choice(len(known), rng.integers(2, 5), replace=False)]
        style = ("standard", "or")[int(rng.random() < 0.3)]
        if frozenset(picked) not in used:
            used.add(frozenset(picked))
            yield [
                in_both(
                    lambda x, t=table, p=picked, s=style: lists.format_list(
                        [getattr(x, t)[code] for code in p], style=s, locale=x
                    )
                )
            ]


KINDS = (_dates, _times, _durations, _quantities, _money, _lists)  # in the order of `Phrases`


def _amount(rng) -> float | int:
    """Log-uniform from 2 to 100,000, half of them with decimals."""
    whole = int(10 ** rng.uniform(0.31, 5))
    return whole if rng.random() < 0.5 else round(whole + rng.integers(1, 100) / 100, 2)


def _distinct(rng, limit: int, count: int) -> np.ndarray:
    return rng.choice(limit, min(count, limit), replace=False)


def _codes(table: str) -> list[str]:
    """Codes that have a name without brackets in both, in a fixed order."""
    english, french = getattr(ENGLISH, table), getattr(FRENCH, table)
    return sorted(c for c in english if c in french and "(" not in english[c] + french[c])


def _units() -> list[str]:
    """Units that have a name in both."""
    known = set(ENGLISH.unit_display_names) & set(FRENCH.unit_display_names)
    return sorted(unit for unit in known if unit.split("-")[0] in FAMILIES)


def _currencies() -> list[str]:
    """Currencies that have a name in both, without former ones, whose names hold years of use."""
    codes = set(numbers.list_currencies(ENGLISH)) & set(numbers.list_currencies(FRENCH))
    names_of = {
        code: in_both(lambda x, c=code: numbers.get_currency_name(c, locale=x)) for code in codes
    }
    return sorted(code for code in codes if "(" not in "".join(names_of[code]))
