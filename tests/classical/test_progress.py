"""What a long fit prints, and when."""

from pipelines.classical import progress
from pipelines.classical.progress import Countdown


def test_the_time_left_is_printed_every_few_seconds(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    countdown = Countdown("svm", 10, "candidates")
    assert capsys.readouterr().out == "svm: 10 candidates\n"
    now[0] += 1
    countdown.step()
    assert capsys.readouterr().out == ""
    now[0] += 9
    countdown.step()
    line = capsys.readouterr().out
    assert "2 of 10" in line and "40 s left" in line  # 5 s each
    now[0] += 1
    countdown.step()
    assert capsys.readouterr().out == ""
