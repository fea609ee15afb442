"""Sentence pairs: what is refused, dropped, cut and counted; sub-words; the phrases of CLDR."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.datasets import cldr_phrases
from pipelines.preprocessing import sentencepiece
from pipelines.preprocessing.sentencepiece import BEGIN, END, Subwords
from pipelines.spec import DataSpec
from pipelines.stages import prepare
from pipelines.storage import arrays
from tests.support.user_errors import user_error

OUT = Path("data/prepared/pairs")
SUBWORDS = {"vocabulary_size": 60, "max_tokens": 30}
NOUNS = {
    "cat": "chat", "dog": "chien", "horse": "cheval", "bird": "oiseau", "fish": "poisson",
    "house": "maison", "garden": "jardin", "river": "fleuve", "book": "livre", "tree": "arbre",
}  # fmt: skip


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def phrases(count: int = 60) -> list[tuple[str, str]]:
    words = list(NOUNS.items())
    pairs = [
        (f"{a} and {b} near {c}", f"{x} et {y} près de {z}")
        for a, x in words for b, y in words for c, z in words if len({a, b, c}) == 3
    ]  # fmt: skip
    return pairs[:: len(pairs) // count][:count]


def table(pairs, name="pairs.tsv", **how) -> None:
    text = "".join(f"{source}\t{target}\n" for source, target in pairs)
    Path(name).write_text(text, "utf-8", **how)


def aligned(folder="parts", **parts) -> dict:
    """Two files a part; the option `files` that names them."""
    Path(folder).mkdir()
    for part, pairs in parts.items():
        for side, language in enumerate(("en", "fr")):
            lines = "".join(f"{pair[side]}\n" for pair in pairs)
            Path(folder, f"{part}.{language}").write_text(lines, "utf-8")
    return {part: [f"{part}.en", f"{part}.fr"] for part in parts}


def run(source="pairs.tsv", seed=1, **options) -> DataSpec:
    options = {"subwords": SUBWORDS} | options
    dataset = {"recipe": "parallel_text", "source": source, "options": options}
    params = {"seed": seed, "datasets": {"pairs": dataset}}
    Path("params.yaml").write_text(yaml.safe_dump(params), "utf-8")
    prepare.run(Path("params.yaml"), "pairs")
    return DataSpec.load(OUT / "spec.json")


def parts() -> dict[str, dict]:
    return {part: arrays.read(OUT / "repeat0" / part) for part in prepare.SPLITS}


def test_every_pair_keeps_its_texts_and_its_line():
    pairs = phrases()
    table(pairs)
    run()
    found = parts()
    assert sorted(line for p in found.values() for line in p["line"]) == list(range(1, 61))
    for columns in found.values():
        for text, reference, line in zip(
            columns["text"], columns["reference"], columns["line"], strict=True
        ):
            assert (text, reference) == pairs[line - 1]


def test_teacher_forcing_arrays():
    table(phrases())
    spec = run()
    known = Subwords.load(OUT / "repeat0/assets")
    assert spec.outputs == known.size == spec.inputs["source"].size
    assert not spec.labels and spec.request_inputs == ("text",) and spec.target.name == "target_out"
    for columns in parts().values():
        source, given, wanted = (columns[n] for n in ("source", "target_in", "target_out"))
        assert (given[:, 0] == BEGIN).all()
        for row in range(len(source)):
            ids = sentencepiece.until_end(wanted[row])
            assert given[row, 1 : len(ids) + 1].tolist() == ids
            assert wanted[row, len(ids)] == END and not wanted[row, len(ids) + 1 :].any()
            assert not given[row, len(ids) + 1 :].any()
        assert known.decode(source) == list(columns["text"])
        assert known.decode(wanted) == list(columns["reference"])


def test_the_default_sizes_hold_when_another_option_of_split_is_given():
    table(phrases())
    run(split={"repeats": 2})
    assert [len(columns["line"]) for columns in parts().values()] == [48, 6, 6]


def test_cut_sentences_are_counted_and_not_ended(capsys):
    table(phrases())
    run(subwords={"vocabulary_size": 60, "max_tokens": 6})
    columns = parts()["train"]
    assert "truncated after 5 sub-words" in capsys.readouterr().out
    assert (columns["source"][:, -1] == END).all()  # the encoder input ends with END
    assert not (columns["target_out"] == END).any()  # a decoder is not taught to end there
    assert np.array_equal(columns["target_in"][:, 1:], columns["target_out"][:, :-1])


def test_same_texts_same_model():
    texts = [text for pair in phrases() for text in pair]
    first, second = (sentencepiece.learn(texts, 60, "unigram", "nmt_nfkc").model for _ in range(2))
    assert first == second


def test_the_vocabulary_is_of_train_alone():
    files = aligned(train=phrases(), val=[("owl", "hibou")], test=[("zebu", "zébu")])
    run("parts", files=files)
    known = Subwords.load(OUT / "repeat0/assets")
    assert known.encode(["zz"])[0][-1] == sentencepiece.UNKNOWN


def test_digits_are_spelt():
    known = sentencepiece.learn(["100 200 2024 2024 2024 2024"] * 9, 16, "unigram", "nmt_nfkc")
    assert "".join(known.pieces(known.encode(["2024"])[0])) == "\u25812024"
    assert len(known.encode(["2024"])[0]) >= 4


def test_files_of_different_length():
    aligned(all=phrases())
    with Path("parts/all.fr").open("a") as file:
        file.write("une ligne de plus\n")
    with user_error("line-count", path="parts", key="files", value=(60, 61)):
        run("parts", files={"all": ["all.en", "all.fr"]})
    assert not OUT.exists()


@pytest.mark.parametrize("place, side", [(0, "source"), (1, "target")])
def test_empty_lines(place, side, capsys):
    pairs = phrases()
    pairs[4] = ("", pairs[4][1]) if place == 0 else (pairs[4][0], " ")
    table(pairs)
    with user_error(f"{side}-empty", path="pairs.tsv", line=5, key="empty"):
        run()
    run(empty="drop")
    assert f"1 dropped for an empty {side} (lines 5)" in capsys.readouterr().out
    assert 5 not in [line for part in parts().values() for line in part["line"]]


def test_invalid_utf8_by_line():
    table(phrases())
    data = Path("pairs.tsv").read_bytes().split(b"\n")
    data[6] += b"\xe9"
    Path("pairs.tsv").write_bytes(b"\n".join(data))
    with user_error("encoding-wrong", path="pairs.tsv", line=7, value="e9"):
        run()


def test_wrong_number_of_columns():
    pairs = phrases()
    pairs[2] = ("one\ttoo", "many")
    table(pairs)
    with user_error("column-count", path="pairs.tsv", line=3, value=3):
        run()


def test_a_line_without_a_pair():
    table([*phrases()[:4], *phrases()[4:]])
    text = Path("pairs.tsv").read_text("utf-8").split("\n")
    Path("pairs.tsv").write_text("\n".join([*text[:2], "", *text[2:]]), "utf-8")
    with user_error("source-empty", path="pairs.tsv", line=3, key="empty", value=1):
        run()


def test_filters_are_counted(capsys):
    odd = [("x" * 500, "y" * 500), ("a", "a sentence that is far too long for that")]
    table([*phrases(), *odd])
    run()
    output = capsys.readouterr().out
    assert "1 pairs over 400 characters and 1 of a length ratio over 3 dropped, 60 kept" in output


def test_published_test_parts_are_not_filtered():
    long = ("a", "a sentence that is far too long for that")
    pairs = phrases()
    run("parts", files=aligned(train=pairs[:50], val=pairs[50:], test=[long]))
    assert list(parts()["test"]["text"]) == ["a"]


def test_copies(capsys):
    pairs = phrases()
    table([*pairs, pairs[0], (pairs[1][0], "autre chose de même")])
    run(duplicates="drop")
    assert "1 duplicates dropped, 61 pairs kept" in capsys.readouterr().out


def test_one_source_with_two_translations_stays_together():
    pairs = phrases()
    table([*pairs, *((source, f"{target} !") for source, target in pairs)])
    run()
    texts = [set(columns["text"]) for columns in parts().values()]
    assert not texts[0] & texts[1] and not texts[0] & texts[2] and not texts[1] & texts[2]


def test_overlap_of_published_parts():
    pairs = phrases()
    files = aligned(train=pairs[:50], val=pairs[50:55], test=[pairs[3], *pairs[55:]])
    test_place = "parts/test.en, line 1"
    with user_error("split-overlap", path="parts/train.en", line=4, value=test_place):
        run("parts", files=files)
    run("parts", files=files, overlap="report")
    assert parts()["test"]["seen"].tolist() == [True] + [False] * 5


def test_a_folder_needs_files():
    Path("parts").mkdir()
    with user_error("source-is-folder", path="parts", key="files"):
        run("parts")


def test_too_large_a_vocabulary_for_bpe():
    table(phrases())
    with user_error("vocabulary-size", key="subwords.vocabulary_size", value=4000):
        run(subwords={"vocabulary_size": 4000, "method": "bpe"})


@pytest.fixture(scope="module")
def cldr(tmp_path_factory):
    out = tmp_path_factory.mktemp("cldr")
    counts = dict.fromkeys(cldr_phrases.Phrases.model_fields, 60)
    options = cldr_phrases.Options.model_validate({"phrases": counts})
    spec = cldr_phrases.prepare(options, Path("requirements.txt"), out, 1)
    return spec, {part: arrays.read(out / "repeat0" / part) for part in prepare.SPLITS}


def test_cldr_says_the_same_twice(cldr):
    _, found = cldr
    known = dict(zip(found["train"]["text"], found["train"]["reference"], strict=True))
    assert known["Germany"] == "Allemagne"
    assert known["1 kilometer"] == "1 kilomètre"
    assert known["Wednesday, May 12, 2026".replace("Wednesday", "Tuesday")] == "mardi 12 mai 2026"


def test_cldr_combinations_of_test_are_nowhere_else(cldr):
    _, found = cldr
    train = set(found["train"]["text"])
    assert not found["test"]["seen"].any()
    assert not train & set(found["val"]["text"]) and not train & set(found["test"]["text"])
    # Not in another order or joined by another word either.
    members = lambda text: frozenset(  # noqa: E731
        text.replace(", and ", ", ").replace(", or ", ", ").replace(" and ", ", ")
        .replace(" or ", ", ").split(", ")
    )  # fmt: skip
    lists = [members(text) for text in train if members(text) != {text}]
    assert not set(lists) & {m for t in found["test"]["text"] if len(m := members(t)) > 1}


def test_cldr_has_plain_spaces_and_its_own_case(cldr):
    _, found = cldr
    texts = "".join(t for p in found.values() for n in ("text", "reference") for t in p[n])
    assert not set("\u00a0\u202f\u2009") & set(texts)
    assert "Januar" in texts and "janvier" in texts


def test_cldr_is_the_same_for_the_same_seed_and_goes_both_ways(tmp_path):
    phrases = dict.fromkeys(cldr_phrases.Phrases.model_fields, 20)
    for name, language in (("a", "en"), ("b", "en"), ("c", "fr")):
        settings = {"phrases": phrases, "source_language": language}
        options = cldr_phrases.Options.model_validate(settings)
        cldr_phrases.prepare(options, Path("requirements.txt"), tmp_path / name, 3)
    assert arrays.digest(tmp_path / "a") == arrays.digest(tmp_path / "b")
    there, back = (arrays.read(tmp_path / name / "repeat0/test") for name in "ac")
    for name, other in (("text", "reference"), ("reference", "text")):
        assert list(there[name]) == list(back[other])


def excel(cell: str) -> str:
    """A cell as Excel writes it into tab-delimited text."""
    escaped = cell.replace('"', '""')
    return f'"{escaped}"' if set(cell) & set('",\t\n') else cell


def sentences() -> dict[str, str]:
    return {
        source: target
        for columns in parts().values()
        for source, target in zip(columns["text"], columns["reference"], strict=True)
    }


SPECIAL = {
    'say "hello, dear cat" to a cat': 'dis "bonjour, cher chat" à un chat',
    '"stop the red horse" said a dog': '"arrête le cheval rouge" dit un chien',
    "one, two and three green birds": "un, deux et trois oiseaux verts",
}


def test_the_quotes_of_excel_are_taken_off():
    table([(excel(a), excel(b)) for a, b in [*phrases(), *SPECIAL.items()]])
    run(max_ratio=9)
    assert sentences() == dict(phrases()) | SPECIAL
    table([(excel(a), excel(b)) for a, b in [*phrases(), ("one, two and a bird", "un, deux et x")]])
    run()
    assert sentences()["one, two and a bird"] == "un, deux et x"


def test_quotes_around_all_cells_are_taken_off():
    table([(f'"{a}"', f'"{b}"') for a, b in phrases()])
    run()
    assert sentences() == dict(phrases())


def test_a_comma_between_quoted_sentences():
    pairs = [*phrases(), *SPECIAL.items()]
    Path("pairs.csv").write_text("".join(f"{excel(a)},{excel(b)}\n" for a, b in pairs), "utf-8")
    run("pairs.csv", delimiter=",", max_ratio=9)
    assert sentences() == dict(pairs)


@pytest.mark.parametrize(
    "line",
    [
        ('"Stop the horse!"', '"Arrête le cheval !"'),
        ('He said "stop the horse"', 'Il dit "arrête le cheval"'),
        ('"Stop," he said. "Stop the horse."', '"Stop", dit-il. "Arrête."'),
        ('12" is a foot for a horse', "12 pouces font un pied"),
    ],
)
def test_quotes_of_the_sentences_stay(line):
    table([*phrases(), line])
    run()
    assert sentences()[line[0]] == line[1]


def test_quotes_over_several_lines_are_refused_until_the_option_says_what_they_are():
    table([*phrases()[:20], ("A grey cat", '"Je viens'), ("and so", 'je pars"'), *phrases()[20:]])
    with user_error("quoting-ambiguous", path="pairs.tsv", line=21, key="quoting"):
        run()
    run(quoting=False)
    assert sentences()["A grey cat"] == '"Je viens'
    run(quoting=True)
    assert sentences()["A grey cat"] == "Je viens and so\tje pars"


@pytest.mark.parametrize("end", ["\n", "\n\n\n", "\t\n"])
def test_blank_lines_at_the_end_are_no_pairs(end):
    table(phrases())
    with Path("pairs.tsv").open("a", encoding="utf-8") as stream:
        stream.write(end)
    run()
    assert sentences() == dict(phrases())


def test_empty_sides_are_counted_and_dropped_on_request(capsys):
    table([("", "x"), *phrases(), ("y", ""), ("z", " ")])
    with user_error("source-empty", path="pairs.tsv", line=1, key="empty", value=3):
        run()
    run(empty="drop")
    assert sentences() == dict(phrases())
    assert "lines 1, 62, 63" in capsys.readouterr().out


def test_carriage_returns_alone_end_lines():
    table(phrases())
    text = Path("pairs.tsv").read_text("utf-8").replace("\n", "\r")
    Path("pairs.tsv").write_text(text, "utf-8", newline="")
    run()
    assert sentences() == dict(phrases())
