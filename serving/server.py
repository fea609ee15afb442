"""Both faces over one core in one process, until a signal comes."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass

import uvicorn
from starlette.routing import BaseRoute

from pipelines.config.errors import UserError
from serving.config import Config, address
from serving.core.prediction import Core
from serving.grpc_api import services
from serving.monitoring.access_log import AccessLog
from serving.rest import app
from serving.servables import servable

SIGNALS = (signal.SIGTERM, signal.SIGINT)
# How long the event loop and a model's worker may keep Python from one another. Python's own 5 ms
# are as long as a whole batch of a small model.
SWITCH_S = 1e-4
log = logging.getLogger("serving")


@dataclass(frozen=True)
class Addresses:
    rest: str
    grpc: str


Announce = Callable[[Core, Addresses], None]
More = Callable[[Core], Sequence[BaseRoute]]


class Http(uvicorn.Server):
    def capture_signals(self):
        """The signals are for both faces: `serve` has them."""
        return nullcontext()


async def serve(
    configure: Callable[[], Config], announce: Announce, more: More = lambda core: ()
) -> None:
    """Returns when a signal has come and every accepted request is answered.

    configure: asked at the start, and again at each look at the roots.
    announce: called once the first look at the roots is over, with what was loaded.
    more: routes beside those of the contract.
    """
    config, access_log = configure(), AccessLog(sys.stderr)
    servable.use_threads(config.batching.threads)
    sys.setswitchinterval(SWITCH_S)
    try:
        async with running(config, more, access_log) as (core, addresses):
            stopping = asyncio.create_task(stop_signal().wait())
            watching = asyncio.create_task(watch(core, addresses, configure, announce))
            await asyncio.wait({stopping, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()  # it never ends but by an error, which is to be seen
            log.info("stopping; what has been accepted is still answered")
            watching.cancel()
    finally:
        access_log.flush()


@asynccontextmanager
async def running(
    config: Config, more: More = lambda core: (), access_log: AccessLog | None = None
) -> AsyncIterator[tuple[Core, Addresses]]:
    """Both faces, listening; at the end they take nothing more, and answer what they have."""
    core = Core.of(config, access_log)
    listener = listen(config.host, config.rest_port)
    http = Http(
        uvicorn.Config(
            app.build(core, more(core)), http="httptools", ws="none", lifespan="off",
            log_config=None, access_log=False, server_header=False, proxy_headers=False,
        )
    )  # fmt: skip
    grpc_server, grpc_address = services.build(core)
    await grpc_server.start()
    serving = asyncio.create_task(http.serve([listener]))
    try:
        yield core, Addresses(f"http://{address(*listener.getsockname()[:2])}", grpc_address)
    finally:
        core.manager.leaving = True
        http.should_exit = True
        await asyncio.gather(serving, grpc_server.stop(config.limits.timeout_s))
        await core.manager.close()


async def watch(
    core: Core, addresses: Addresses, configure: Callable[[], Config], announce: Announce
) -> None:
    await core.manager.update()
    announce(core, addresses)
    await core.manager.watch(configure)


def stop_signal() -> asyncio.Event:
    """Set by the first signal; a second one ends the process at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop_now() -> None:
        stop.set()
        for each in SIGNALS:
            loop.remove_signal_handler(each)

    for each in SIGNALS:
        loop.add_signal_handler(each, stop_now)
    return stop


def listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise UserError(
            f"{address(host, port)}: cannot listen: {error.strerror}; choose another --rest-port"
        ) from None
