"""Both frontends over one core in one process, until a stop signal arrives."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import cast

import uvicorn
from starlette.routing import BaseRoute

from pipelines.config.errors import UserError
from serving import http_guard
from serving.config import Config
from serving.core import memory
from serving.core.prediction import Core, RequestRecord
from serving.grpc_api import services
from serving.monitoring.access_log import AccessLog
from serving.network import address
from serving.rest import app
from serving.rest.host_guard import HostGuard
from serving.servables import servable

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# How long the event loop and a model's worker thread can hold Python's lock from each other. The
# default of 5 ms is as long as a whole batch of a small model.
SWITCH_INTERVAL_S = 1e-4
log = logging.getLogger("serving")


@dataclass(frozen=True)
class Addresses:
    rest: str
    grpc: str


Announce = Callable[[Core, Addresses], None]
ExtraRoutes = Callable[[Core], Sequence[BaseRoute]]


class HttpServer(uvicorn.Server):
    def capture_signals(self):
        """Does nothing: `serve` handles the signals for both frontends."""
        return nullcontext()


async def serve(
    configure: Callable[[], Config], announce: Announce, extra_routes: ExtraRoutes = lambda core: ()
) -> bool:
    """Returns after a stop signal, when every accepted request is answered.

    Args:
        configure: the configuration; called at the start and at each poll.
        announce: called once, after the first poll, with what was loaded.
        extra_routes: routes beside those of the contract.

    Returns:
        Whether all threads have ended; otherwise the process has to be ended without them.
    """
    config, access_log = configure(), AccessLog(sys.stderr)
    servable.set_threads(config.batching.threads)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    memory.set_thresholds()
    try:
        async with running(config, extra_routes, access_log) as (core, addresses):
            stopping = asyncio.create_task(stop_event().wait())
            watching = asyncio.create_task(watch(core, addresses, configure, announce))
            await asyncio.wait({stopping, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()  # it ends only by an error, which is raised here
            log.info("stopping; accepted requests are still answered")
            watching.cancel()
        return not core.manager.has_running_threads
    finally:
        access_log.flush()


@asynccontextmanager
async def running(
    config: Config, extra_routes: ExtraRoutes = lambda core: (),
    access_log: AccessLog | None = None,
) -> AsyncIterator[tuple[Core, Addresses]]:  # fmt: skip
    """Both frontends, listening; at the end they accept nothing more and answer what they have."""
    core = Core.from_config(config, access_log)
    listener = listen(config.host, config.rest_port)
    http_server = HttpServer(
        uvicorn.Config(
            HostGuard(app.build(core, extra_routes(core)), config),
            http=http_guard.protocol_factory(config.connections, partial(count_refused, core)),
            # Seconds of asyncio's timers, which uvicorn annotates as whole ones.
            timeout_keep_alive=cast(int, config.connections.idle_timeout_s),
            timeout_graceful_shutdown=cast(int, config.limits.timeout_s), ws="none", lifespan="off",
            log_config=None, access_log=False, server_header=False, proxy_headers=False,
            ssl_certfile=config.certificate, ssl_keyfile=config.key,
        )
    )  # fmt: skip
    grpc_server, grpc_address = services.build(core)
    await grpc_server.start()
    serving = asyncio.create_task(http_server.serve([listener]))
    connections = cast(set[http_guard.GuardedProtocol], http_server.server_state.connections)
    watching = [
        asyncio.create_task(http_guard.watch_connections(connections, config.connections)),
        asyncio.create_task(memory.watch()),
    ]
    try:
        scheme = "https" if config.certificate else "http"
        yield core, Addresses(f"{scheme}://{address(*listener.getsockname()[:2])}", grpc_address)
    finally:
        core.manager.stopping = True
        http_server.should_exit = True
        await asyncio.gather(serving, grpc_server.stop(config.limits.timeout_s))
        for connection in list(connections):  # whose clients have not read their answers
            connection.transport.abort()
        for task in watching:
            task.cancel()
        await core.manager.close(config.limits.timeout_s)


def count_refused(core: Core, status: int, message: str) -> None:
    """Counts and logs a request that the HTTP parser refused."""
    record = RequestRecord("rest", "unknown")
    record.error = message
    core.finish(record, status)


async def watch(
    core: Core, addresses: Addresses, configure: Callable[[], Config], announce: Announce
) -> None:
    await core.manager.poll(configure)
    announce(core, addresses)
    await core.manager.watch(configure)


def stop_event() -> asyncio.Event:
    """Set by the first stop signal; a second one ends the process at once."""
    event, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop() -> None:
        event.set()
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
    return event


def listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        place = address(host, port)
        message = f"{place}: cannot listen: {error.strerror}; choose another --rest-port"
        raise UserError("port-unavailable", message, value=port) from None
