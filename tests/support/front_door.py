"""The files that the front door and the fork server need, which are copied into bare folders."""

RUNTIME = (
    *("__init__", "failures", "fork_client", "machine_errors", "memory", "sqlite_retry"),
    "timing",
)
FRONT_DOOR = (
    *("__init__.py", "__main__.py"),
    *(f"config/{name}.py" for name in ("__init__", "errors", "tensorflow_env")),
    *(f"runtime/{name}.py" for name in RUNTIME),
)
