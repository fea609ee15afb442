"""Calls that may never return, on threads of their own that do not keep the process alive."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future


def start(function: Callable, *arguments) -> Future:
    """Runs a function on a new daemon thread: an executor's threads are waited for at exit."""
    future: Future = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(function(*arguments))
        except BaseException as error:  # noqa: BLE001 the waiting task raises it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="load").start()
    return future


async def wait(future: Future, timeout_s: float):
    """The result of a started call. Raises TimeoutError; the call then goes on."""
    waiting = asyncio.wrap_future(future)
    # A late error, after the timeout, is nobody's.
    waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.wait_for(asyncio.shield(waiting), timeout_s)
