"""Bad entries that appear in the model repository and disappear again."""

import os
import shutil
import time
from collections import Counter

from benchmarks.attack.sending import Run, Victim


def bad_entries(victim: Victim) -> Run:
    """Named pipes, links to themselves, damaged files, an endless graph: published, removed."""
    endless = victim.root.parent / "endless"
    write_endless(endless)

    def run() -> Counter:
        answers: Counter = Counter()
        shutil.copytree(endless, victim.root / "endless/1", dirs_exist_ok=True)
        while not victim.is_over:
            name = f"bad{answers['published']}"
            for version, damage in enumerate(DAMAGES, 1):
                shutil.copytree(victim.root / "numbers/1", victim.root / name / str(version))
                damage(victim.root / name / str(version))
                answers["published"] += 1
            (victim.root / f"loop-{name}").symlink_to(victim.root / f"loop-{name}")
            time.sleep(3)
            shutil.rmtree(victim.root / name)
            (victim.root / f"loop-{name}").unlink()
        shutil.rmtree(victim.root / "endless")
        return answers

    return run


def write_endless(folder) -> None:
    import tensorflow as tf

    class Endless(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, name="x")])
        def call(self, x):
            return {"y": tf.while_loop(lambda y: True, lambda y: (y * 0.5,), (x,))[0]}

    module = Endless()
    tf.saved_model.save(module, str(folder), {"serving_default": module.call})


def golden_without_rows(folder) -> None:
    (folder / "golden.json").write_text('{"schema_version": 1, "inputs": {"x": []}}', "utf-8")


def named_pipe(folder) -> None:
    (folder / "saved_model.pb").unlink()
    os.mkfifo(folder / "saved_model.pb")


def link_to_itself(folder) -> None:
    (folder / "asset").symlink_to(folder / "asset")


def wrong_signature(folder) -> None:
    (folder / "signature.json").write_text('{"schema_version": 1, "signatures": 5}', "utf-8")


def damaged_graph(folder) -> None:
    (folder / "saved_model.pb").write_bytes(b"\x0a" * 1_000_000)


DAMAGES = (golden_without_rows, named_pipe, link_to_itself, wrong_signature, damaged_graph)
ATTACKS = {"bad entries in the repository": bad_entries}
