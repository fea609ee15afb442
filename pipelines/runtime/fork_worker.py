"""The server and its children: accept, fork, relay, report (roles: see `forkserver`)."""

import contextlib
import gc
import importlib
import os
import select
import selectors
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines.config.tensorflow_env import hide_cuda_errors
from pipelines.runtime.fork_client import become_caller
from pipelines.runtime.forkserver import STOPPING, die_with_parent

LIFELINE = (
    0  # the standard input of the server; the launcher holds its other end and writes nothing
)
HANDLED = (*STOPPING, signal.SIGCHLD)


def serve(address: str, listener: int, packages: Iterable[str], grace_s: float) -> None:
    """Imports the packages once a client connects, then serves until the launcher ends.

    Each child returns from here too, once its stage is done, and so leaves by the interpreter's
    own exit. Where no stage has to run (a second `make repro`), nothing is imported.
    """
    folder = Path(address).parent

    def give_up(signum: int, frame) -> None:
        # The launcher died before or during the imports: there are no children yet to stop.
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    for signum in STOPPING:
        signal.signal(signum, give_up)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    if LIFELINE in select.select([LIFELINE, listener], [], [])[0]:
        give_up(signal.SIGTERM, None)
    hide_cuda_errors()
    for package in packages:
        importlib.import_module(package)
    gc.collect()
    gc.freeze()  # collections in the children then leave the shared pages alone
    (folder / "ready").touch()
    descriptors = Server(socket.socket(fileno=listener), grace_s).run()
    if descriptors is None:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        become_caller(descriptors)


def kill_group(pid: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # the group is empty
        os.killpg(pid, signum)


@dataclass
class Child:
    pid: int
    stopped: bool = False
    kill_at: float | None = None


class Server:
    """One thread and one loop: a process with several threads cannot be forked safely."""

    def __init__(self, listener: socket.socket, grace_s: float):
        self.grace_s = grace_s
        self.children: dict[socket.socket, Child] = {}
        self.ending = False
        self.selector = selectors.PollSelector()  # nothing in the kernel that children would share
        alarm, self.wakeup = socket.socketpair()
        for source, react in ((LIFELINE, self.end), (listener, self.accept), (alarm, self.notice)):
            self.selector.register(source, selectors.EVENT_READ, react)
        alarm.setblocking(False)
        self.wakeup.setblocking(False)
        signal.set_wakeup_fd(self.wakeup.fileno())
        for signum in HANDLED:
            signal.signal(signum, lambda *_: None)  # they are read from the wakeup socket

    def run(self) -> list[int] | None:
        """Loops to the end (None); in a child returns at once, with the descriptors it was sent."""
        while not self.ending or self.children:
            deadlines = [child.kill_at for child in self.children.values() if child.kill_at]
            patience_s = max(0, min(deadlines) - time.monotonic()) if deadlines else None
            for key, _ in self.selector.select(patience_s):
                descriptors = key.data(key.fileobj)
                if descriptors is not None:
                    return descriptors
            self._reap()
        return None

    def accept(self, listener: socket.socket) -> None:
        self.selector.register(listener.accept()[0], selectors.EVENT_READ, self.start)

    def start(self, connection: socket.socket) -> list[int] | None:
        """Forks for a request of one byte and four descriptors. Returns these in the child."""
        _, descriptors, _, _ = socket.recv_fds(connection, 1, 4)
        if len(descriptors) != 4 or self.ending:
            self._forget(connection)
        elif (pid := self._fork()) == 0:
            return descriptors
        else:
            os.setpgid(pid, pid)  # the child waits for its orders, which come after the `+`
            self.children[connection] = Child(pid)
            self.selector.modify(connection, selectors.EVENT_READ, self.hear)
            with contextlib.suppress(OSError):  # `hear` notices the end of a client
                connection.send(b"+")
        for descriptor in descriptors:
            os.close(descriptor)
        return None

    def _fork(self) -> int:
        """Signals wait meanwhile: the server's handlers must not run in the child."""
        server = os.getpid()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            die_with_parent()
            if os.getppid() != server:
                os._exit(1)
            signal.set_wakeup_fd(-1)
            for signum in HANDLED:
                signal.signal(signum, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            # Connections of other processes must close when these end: keep no copies.
            self.wakeup.close()
            for key in list(self.selector.get_map().values()):
                if key.fileobj != LIFELINE:
                    key.fileobj.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return pid

    def hear(self, connection: socket.socket) -> None:
        """Reads signal numbers from a client, or its end."""
        child = self.children[connection]
        try:
            signums = connection.recv(64)
        except ConnectionResetError:
            signums = b""
        if not signums:
            self.selector.unregister(connection)
            self._stop(child)
        for signum in signums:
            child.stopped = child.stopped or signum in STOPPING
            send = os.kill if signum == signal.SIGTERM else kill_group
            send(child.pid, signum)

    def notice(self, alarm: socket.socket) -> None:
        if set(alarm.recv(4096)) & set(STOPPING):
            self.end()

    def end(self, _=None) -> None:
        """The launcher has ended, or the server got a signal: stops every stage first."""
        self.ending = True
        for key in list(self.selector.get_map().values()):
            if key.data in (self.end, self.accept):
                self.selector.unregister(key.fileobj)
        for child in self.children.values():
            self._stop(child)

    def _stop(self, child: Child) -> None:
        if child.kill_at is None:
            child.stopped = True
            child.kill_at = time.monotonic() + self.grace_s
            os.kill(child.pid, signal.SIGTERM)
            kill_group(child.pid, signal.SIGCONT)  # a suspended stage would not get it

    def _reap(self) -> None:
        for connection, child in list(self.children.items()):
            if child.kill_at and time.monotonic() >= child.kill_at:
                kill_group(child.pid, signal.SIGKILL)
                child.kill_at = time.monotonic() + self.grace_s
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid == 0:
                continue
            code = os.waitstatus_to_exitcode(status)
            if child.stopped or code < 0:
                kill_group(child.pid, signal.SIGKILL)
            with contextlib.suppress(OSError):  # no client waits for the status
                connection.send(str(code).encode())
            del self.children[connection]
            self._forget(connection)

    def _forget(self, connection: socket.socket) -> None:
        if connection in self.selector.get_map():
            self.selector.unregister(connection)
        connection.close()
