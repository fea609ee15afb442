"""Waits for a locked mlflow.db, and prints that it waits.

MLflow waits twenty seconds silently and then fails, in the middle of a training. Here every
statement that is refused because of a lock is tried again, for as long as a backup or an open
transaction of another program may take.
"""

import logging
import sqlite3
import sys
import time

BUSY_TIMEOUT_S, PRINT_EVERY_S, GIVE_UP_S = 2.0, 20.0, 600.0
BUSY_PRAGMA = "PRAGMA busy_timeout"


def wait_when_locked() -> None:
    """Applies to every engine of this process, if SQLAlchemy is imported."""
    if "sqlalchemy" not in sys.modules:
        return
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    event.listen(Engine, "do_execute", lambda c, text, values, _: execute(c.execute, text, values))
    event.listen(
        Engine, "do_executemany", lambda c, text, values, _: execute(c.executemany, text, values)
    )
    # It raises the errors that it logs with a traceback.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


def execute(run, text: str, values) -> bool:
    """Runs a statement until no lock prevents it. True: SQLAlchemy need not run it."""
    if text.startswith(BUSY_PRAGMA):
        text = f"{BUSY_PRAGMA} = {BUSY_TIMEOUT_S * 1000:.0f}"
    start, last_print = time.monotonic(), None
    while True:
        try:
            run(text, values)
        except sqlite3.OperationalError as error:
            now = time.monotonic()
            waited = now - start
            # Not the variants of this code, such as a snapshot that is too old to write to.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or waited > GIVE_UP_S:
                raise
            if last_print is None or now - last_print >= PRINT_EVERY_S:
                last_print = now
                print(
                    f"mlflow.db: locked by another program; waiting, {waited:.0f} s so far, at "
                    f"most {GIVE_UP_S:.0f}",
                    file=sys.stderr,
                    flush=True,
                )
        else:
            return True
