"""What a request can be answered instead of a prediction; each face gives it its own code."""


class ServingError(Exception):
    """status: of HTTP. grpc: the name of the gRPC code."""

    status, grpc = 500, "INTERNAL"


class BadRequest(ServingError):
    status, grpc = 400, "INVALID_ARGUMENT"


class NotFound(ServingError):
    status, grpc = 404, "NOT_FOUND"


class Conflict(ServingError):
    """It contradicts the state of things, such as a label on a version that is not loaded."""

    status, grpc = 409, "FAILED_PRECONDITION"


class TooLarge(ServingError):
    status, grpc = 413, "INVALID_ARGUMENT"


class QueueFull(ServingError):
    status, grpc = 429, "RESOURCE_EXHAUSTED"


class ClientGone(ServingError):
    status, grpc = 499, "CANCELLED"


class NotOffered(ServingError):
    """Part of TensorFlow Serving's interface that this server leaves out."""

    status, grpc = 501, "UNIMPLEMENTED"


class Unavailable(ServingError):
    status, grpc = 503, "UNAVAILABLE"


class DeadlineExceeded(ServingError):
    status, grpc = 504, "DEADLINE_EXCEEDED"


class LoadError(ServingError):
    """A version that cannot be served; the message says why."""


def listed(names) -> str:
    """For messages: what there is instead."""
    return ", ".join(map(str, sorted(names))) or "none"
