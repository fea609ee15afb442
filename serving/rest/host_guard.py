"""Refuses requests that a web page on another site makes a browser send.

A server on loopback can be reached by any page that is open on the same computer: directly, or by a
name that its owner points to 127.0.0.1 after the page is loaded (DNS rebinding). The first has an
Origin header of another site, the second a Host header with an unknown name.
"""

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.config import Config
from serving.network import is_address, is_loopback
from serving.rest.endpoints import error_response

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
READING = ("GET", "HEAD")


class HostGuard:
    """ASGI application around another one.

    Args:
        app: answers the requests that are not refused.
        config: has host, allowed_hosts and allowed_origins.
    """

    def __init__(self, app: ASGIApp, config: Config):
        self._app = app
        self._hosts = {*LOOPBACK_NAMES, config.host, *map(str.lower, config.allowed_hosts)}
        self._origins = set(config.allowed_origins)
        self._any_address = not is_loopback(config.host)
        self._checked: set[bytes] = set()  # values of Host that were accepted, a few at most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host, origin = None, None
        for name, value in scope.get("headers", ()):
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
        error = None
        if host is not None and host not in self._checked:
            error = self._check_host(host)
        if error is None and origin is not None and scope["method"] not in READING:
            error = self._check_origin(origin, host)
        if error is None:
            await self._app(scope, receive, send)
        else:
            await error_response(403, error)(scope, receive, send)

    def _check_host(self, value: bytes) -> str | None:
        """The reason for which it is refused."""
        name = host_name(value.decode("latin-1"))
        if "*" in self._hosts or name in self._hosts or (self._any_address and is_address(name)):
            if len(self._checked) < 100:
                self._checked.add(value)
            return None
        return f"host {name!r:.80} is not among allowed_hosts"

    def _check_origin(self, origin: bytes, host: bytes | None) -> str | None:
        """The reason for which it is refused: it is neither this server's nor allowed."""
        text = origin.decode("latin-1")
        same = host is not None and text.partition("://")[2] == host.decode("latin-1")
        if same or text in self._origins:
            return None
        return f"requests of pages of {text!r:.80} are not among allowed_origins"


def host_name(value: str) -> str:
    """The name in a Host header, in lower case, without the port; empty if there is none."""
    try:
        return urlsplit(f"//{value}").hostname or ""
    except ValueError:
        return ""
