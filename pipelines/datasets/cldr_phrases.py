"""English and French phrases from Unicode's CLDR data, which ships inside Babel: no download.

Dates, times, durations, quantities with units, amounts of money, and lists of territories or
languages are said in both languages by the same data, with what differs between them: order of
words, clocks of 12 and 24 hours, plurals, thousands and decimals. `source` is the file that pins
Babel: its version decides which phrases these are.

Every *atom* (each name, unit, currency, month and weekday) stands in train, since nobody can guess
that Germany is Allemagne; what is divided are *combinations*. All phrases made from one combination
(one date in all its formats, one amount of one unit, one set of list members in any order) share a
part, so no test combination stands in train or val in any format or order.

options: `phrases` (how many combinations of each kind), `subwords`, `split` (val and test,
fractions of the combinations). French's no-break spaces are written as plain ones.
"""

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from babel import Locale, dates, lists, numbers, units
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.schema import STRICT
from pipelines.preparation import sentence_pairs, splits
from pipelines.preparation.sentence_pairs import Pairs

Count = Annotated[int, Field(strict=True, ge=20)]
Share = Annotated[float, Field(gt=0, lt=1)]
ENGLISH, FRENCH = Locale("en"), Locale("fr")
SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " "})
DATE_FORMATS = ("full", "long", "medium")
FAMILIES = ("area", "length", "mass", "volume", "speed", "digital", "power", "energy")
FIRST_DAY, DAYS = datetime.date(1900, 1, 1).toordinal(), 73_049  # to the end of 2099
Phrase = tuple[str, str]


class Phrases(BaseModel):
    """Combinations of each kind; dates, times and durations are said in more than one way."""

    model_config = STRICT
    dates: Count = 900
    times: Count = 400
    durations: Count = 400
    quantities: Count = 1500
    money: Count = 1000
    lists: Count = 1500


class Split(BaseModel):
    model_config = STRICT
    val: Share = 0.08
    test: Share = 0.12


class Options(BaseModel):
    model_config = STRICT
    phrases: Phrases = Phrases()
    subwords: sentence_pairs.Subword = sentence_pairs.Subword(vocabulary_size=1200, max_tokens=40)
    split: Split = Split()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    rng = np.random.default_rng(seed)
    atoms, combinations = names() + simple(), []
    for kind, (_, count) in enumerate(options.phrases):
        combinations += [(kind, own) for own in KINDS[kind](rng, count)]
    kinds = np.array([kind for kind, _ in combinations])
    rows = np.arange(len(combinations))
    sizes = [splits.part_size(s, len(rows), n) for n, s in options.split]
    rest, val = splits.carve(rows, kinds, rows, sizes[0], rng)
    train, test = splits.carve(rest, kinds, rows, sizes[1], rng)
    chosen = {"train": train, "val": val, "test": test}
    phrases = {part: [p for r in own for p in combinations[r][1]] for part, own in chosen.items()}
    phrases["train"] = atoms + phrases["train"]
    parts, start = {}, 1
    for part, own in phrases.items():
        sources, targets = (
            [text.translate(SPACES) for text in side] for side in zip(*own, strict=True)
        )
        parts[part] = Pairs(sources, targets, np.arange(start, start + len(own)))
        start += len(own)
    seen = np.isin(parts["test"].sources, parts["train"].sources)
    subwords = sentence_pairs.write(out / "repeat0", "CLDR", parts, seen, options.subwords)
    return sentence_pairs.describe(subwords.size, options.subwords, 1)


def both(say: Callable[[Locale], str]) -> Phrase:
    return say(ENGLISH), say(FRENCH)


def names() -> list[Phrase]:
    """Every territory and language that has a name in both."""
    return [
        (getattr(ENGLISH, table)[code], getattr(FRENCH, table)[code])
        for table in ("territories", "languages")
        for code in _codes(table)
    ]


def simple() -> list[Phrase]:
    """Every unit, currency, month and weekday once, in its plainest form."""
    phrases = [both(lambda x, u=u: units.format_unit(1, u, locale=x)) for u in _units()]
    phrases += [both(lambda x, c=c: numbers.get_currency_name(c, locale=x)) for c in _currencies()]
    for year in (2024, 2026):
        days = [datetime.date(year, month, 7 + month) for month in range(1, 13)]
        phrases += [both(lambda x, d=d, f=f: _date(d, f, x)) for d in days for f in DATE_FORMATS]
    return phrases


def _dates(rng, count) -> Iterator[list[Phrase]]:
    """One day: in all three formats, or with a time."""
    for ordinal in _distinct(rng, DAYS, count):
        day = datetime.date.fromordinal(FIRST_DAY + int(ordinal))
        style = DATE_FORMATS[rng.integers(3)]
        minute = datetime.time(int(rng.integers(24)), int(rng.integers(60)))
        moment = datetime.datetime.combine(day, minute)
        yield [
            both(lambda x, d=day, s=style: _date(d, s, x)),
            both(lambda x, m=moment: dates.format_datetime(m, "medium", locale=x)),
        ]


def _date(day, style, locale) -> str:
    return dates.format_date(day, style, locale=locale)


def _times(rng, count) -> Iterator[list[Phrase]]:
    for second in _distinct(rng, 86_400, count):
        time = (datetime.datetime.min + datetime.timedelta(seconds=int(second))).time()
        yield [both(lambda x, t=time: dates.format_time(t, "medium", locale=x))]


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
            both(lambda x, a=amount, u=unit: units.format_unit(a, f"duration-{u}", locale=x)),
            both(
                lambda x, d=delta * sign, u=unit: dates.format_timedelta(
                    d, granularity=u, threshold=1e9, add_direction=True, locale=x
                )
            ),
        ]


def _quantities(rng, count) -> Iterator[list[Phrase]]:
    known, said = _units(), set()
    while len(said) < count:
        amount, unit = _amount(rng), known[rng.integers(len(known))]
        if (amount, unit) not in said:
            said.add((amount, unit))
            yield [both(lambda x, a=amount, u=unit: units.format_unit(a, u, locale=x))]


def _money(rng, count) -> Iterator[list[Phrase]]:
    known, said = _currencies(), set()
    while len(said) < count:
        amount, code = _amount(rng), known[rng.integers(len(known))]
        if (amount, code) not in said:
            said.add((amount, code))
            yield [
                both(
                    lambda x, a=amount, c=code: numbers.format_currency(
                        a, c, locale=x, format_type="name", currency_digits=False
                    )
                )
            ]


def _lists(rng, count) -> Iterator[list[Phrase]]:
    """Two to four names, joined by and, or."""
    said = set()
    while len(said) < count:
        table = ("territories", "languages")[rng.integers(2)]
        known = _codes(table)
        picked = [known[i] for i in rng.choice(len(known), rng.integers(2, 5), replace=False)]
        style = ("standard", "or")[int(rng.random() < 0.3)]
        if frozenset(picked) not in said:
            said.add(frozenset(picked))
            yield [
                both(
                    lambda x, t=table, p=picked, s=style: lists.format_list(
                        [getattr(x, t)[code] for code in p], style=s, locale=x
                    )
                )
            ]


KINDS = (_dates, _times, _durations, _quantities, _money, _lists)  # in the order of `Phrases`


def _amount(rng) -> float | int:
    """From 2 to 100,000, small ones as often as large ones, half of them with decimals."""
    whole = int(10 ** rng.uniform(0.31, 5))
    return whole if rng.random() < 0.5 else round(whole + rng.integers(1, 100) / 100, 2)


def _distinct(rng, limit: int, count: int) -> np.ndarray:
    return rng.choice(limit, min(count, limit), replace=False)


def _codes(table: str) -> list[str]:
    """Names of one word or more that are no codes themselves, in a fixed order."""
    english, french = getattr(ENGLISH, table), getattr(FRENCH, table)
    return sorted(c for c in english if c in french and "(" not in english[c] + french[c])


def _units() -> list[str]:
    """Units that have a name in both."""
    known = set(ENGLISH.unit_display_names) & set(FRENCH.unit_display_names)
    return sorted(unit for unit in known if unit.split("-")[0] in FAMILIES)


def _currencies() -> list[str]:
    """Money that has a name in both, without the years of use that old money is told apart by."""
    codes = set(numbers.list_currencies(ENGLISH)) & set(numbers.list_currencies(FRENCH))
    said = {code: both(lambda x, c=code: numbers.get_currency_name(c, locale=x)) for code in codes}
    return sorted(code for code in codes if "(" not in "".join(said[code]))
