"""A locked mlflow.db is waited for, and who waits is told so.

MLflow waits twenty seconds without a word and then gives up, in the middle of a training. Here
every statement that finds the database locked is tried again, for as long as a backup or somebody's
open transaction may take.
"""

import logging
import sqlite3
import sys
import time

BUSY_TIMEOUT_S, TELL_EVERY_S, GIVE_UP_S = 2.0, 20.0, 600.0
THEIR_OWN = "PRAGMA busy_timeout"


def wait_when_locked() -> None:
    """For every engine of this process, where a stage has imported what makes engines."""
    if "sqlalchemy" not in sys.modules:
        return
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    event.listen(Engine, "do_execute", lambda c, text, values, _: execute(c.execute, text, values))
    event.listen(
        Engine, "do_executemany", lambda c, text, values, _: execute(c.executemany, text, values)
    )
    # What it logs with a traceback it raises as well.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


def execute(run, text: str, values) -> bool:
    """Runs a statement until it is not refused for a lock. True: SQLAlchemy need not run it."""
    if text.startswith(THEIR_OWN):
        text = f"{THEIR_OWN} = {BUSY_TIMEOUT_S * 1000:.0f}"
    began, told = time.monotonic(), None
    while True:
        try:
            run(text, values)
        except sqlite3.OperationalError as error:
            now = time.monotonic()
            waited = now - began
            # Not its variants, such as a view of the data that has become too old to write to.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or waited > GIVE_UP_S:
                raise
            if told is None or now - told >= TELL_EVERY_S:
                told = now
                print(
                    f"mlflow.db: locked by another program; waiting, {waited:.0f} s so far, at "
                    f"most {GIVE_UP_S:.0f}",
                    file=sys.stderr,
                    flush=True,
                )
        else:
            return True
