"""Errors that a request can end in; each frontend answers with its own status code."""

from collections.abc import Iterable


class ServingError(Exception):
    """status: the HTTP status code. grpc: the name of the gRPC status code."""

    status, grpc = 500, "INTERNAL"


class BadRequest(ServingError):
    status, grpc = 400, "INVALID_ARGUMENT"


class Unauthorized(ServingError):
    status, grpc = 401, "UNAUTHENTICATED"


class NotFound(ServingError):
    status, grpc = 404, "NOT_FOUND"


class Conflict(ServingError):
    """The request contradicts the present state: for example a label for an unloaded version."""

    status, grpc = 409, "FAILED_PRECONDITION"


class TooLarge(ServingError):
    status, grpc = 413, "INVALID_ARGUMENT"


class UnsupportedMediaType(ServingError):
    status, grpc = 415, "UNIMPLEMENTED"


class QueueFull(ServingError):
    status, grpc = 429, "RESOURCE_EXHAUSTED"


class ClientDisconnected(ServingError):
    status, grpc = 499, "CANCELLED"


class Unimplemented(ServingError):
    """A part of TensorFlow Serving's interface that this server does not implement."""

    status, grpc = 501, "UNIMPLEMENTED"


class Unavailable(ServingError):
    status, grpc = 503, "UNAVAILABLE"


class DeadlineExceeded(ServingError):
    status, grpc = 504, "DEADLINE_EXCEEDED"


class LoadError(ServingError):
    """A version that cannot be loaded; the message gives the reason."""


def listed(names: Iterable) -> str:
    """The names in order, separated by commas, for error messages."""
    return ", ".join(map(str, sorted(names))) or "none"
