"""Texts with characters that the figures' font lacks are drawn without boxes."""

import warnings

import pytest

from pipelines.figures import glyphs, style

LABELS = ["\u732b", "\uac1c", "\u30cd\u30b3", "cat"]  # a cat, a dog, a cat


@pytest.fixture
def drawn(tmp_path):
    """What is written into a figure with these labels."""
    figures = []

    def paint(figure):
        axes = figure.subplots()
        axes.set_xticks(range(4), LABELS)
        axes.set_title("\u732b and \u0436")
        figures.append(figure)

    def draw() -> list[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a missing glyph is a warning
            style.draw(tmp_path / "a.png", (4, 3), paint)
        (axes,) = figures[-1].axes
        return [*(text.get_text() for text in axes.get_xticklabels()), axes.get_title("left")]

    return draw


def test_characters_that_no_font_has_are_spelled(drawn, monkeypatch, capsys):
    monkeypatch.setattr(glyphs, "fallback", lambda char: None)
    glyphs._print_once.cache_clear()
    assert drawn() == ["\\u732b", "gae", "neko", "cat", "\\u732b and \u0436"]
    drawn()
    assert capsys.readouterr().out.count("\n") == 1


def test_an_installed_font_draws_them(drawn, monkeypatch):
    monkeypatch.setattr(glyphs, "fallback", lambda char: "DejaVu Serif")
    with pytest.raises(UserWarning, match="Glyph"):  # it has none of them: they are not spelled
        drawn()


def test_a_font_is_found_by_the_character():
    assert glyphs.fallback("\u0436") is not None
    assert glyphs.fallback("\uffff") is None
