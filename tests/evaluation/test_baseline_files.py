"""The names of the methods behind the best baseline are stored, not derived from equal scores."""

import json

from pipelines.evaluation import baseline_files


def test_the_method_that_was_selected_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert baseline_files.selected("t", "d", "baseline_best") == "baseline_best"
    for repeat, method in enumerate(("ridge", "smoothing", "ridge")):
        folder = baseline_files.predictions("t", "d") / f"repeat{repeat}"
        folder.mkdir(parents=True)
        settings = {"baseline_best": f"{method}, of squared errors: ridge 1, smoothing 2"}
        settings["baseline_svm"] = "C 3, scaled"
        (folder / baseline_files.SETTINGS).write_text(json.dumps(settings))
    assert baseline_files.selected("t", "d", "baseline_best") == "ridge or smoothing"
    assert baseline_files.selected("t", "d", "baseline_svm") == "baseline_svm"
