"""Addresses, and what has to be protected of them."""

import ipaddress
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.config.errors import UserError

if TYPE_CHECKING:
    from serving.config import Config


def address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_address(name: str) -> bool:
    """Addresses cannot be rebound, as names can."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def check_protection(config: "Config") -> None:
    """Raises UserError if anybody in the network could send requests, and nothing allows it."""
    if not (is_loopback(config.host) or config.token_file or config.without_authentication):
        raise UserError(
            "authentication-missing",
            f"{config.host} can be reached by other computers, and anybody there could send "
            "requests; give a file with a token (--token-file), or allow it "
            "(--without-authentication)",
            key="host", value=config.host,
        )  # fmt: skip
    if (config.certificate is None) != (config.key is None):
        given, missing = ("key", "certificate") if config.key else ("certificate", "key")
        message = f"needs a {missing} beside it (--{missing})"
        raise UserError("certificate-incomplete", message, key=given)
    if config.certificate and config.key:
        check_certificate(config.certificate, config.key)


def check_certificate(certificate: Path, key: Path) -> None:
    """Raises UserError for files that cannot be read, or that do not belong together."""
    for path in (certificate, key):
        try:
            path.read_bytes()
        except OSError as error:
            message = f"cannot be read: {error.strerror}; give an existing PEM file"
            raise UserError("file-unreadable", message, path=path) from None
    try:
        # A password in the key file would be asked for on the terminal.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        message = f"not a certificate (PEM) with its unencrypted key {key}: {reason}"
        raise UserError("certificate-invalid", message, path=certificate) from None
