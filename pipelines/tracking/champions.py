"""Every champion of the registry, and what its export wrote beside the SavedModel."""

from collections.abc import Mapping
from pathlib import Path

from mlflow.models import Model

from pipelines.tracking import registry, store


def champions() -> list[dict]:
    """The versions with the alias `champion`, as `registry.champion` describes them, by name."""
    client = store.client()
    names = [model.name for model in _all(client) if registry.ALIAS in model.aliases]
    return [version for name in sorted(names) if (version := registry.champion(name))]


def _all(client):
    token = None
    while True:
        page = client.search_registered_models(page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def saved_model(version: Mapping) -> tuple[Path, dict]:
    """(folder of the SavedModel, its signature.json) of a version, both as they were registered.

    Raises:
        UserError: as `registry.saved_model`.
    """
    folder = registry.saved_model(version)
    packed = next(parent for parent in folder.parents if (parent / "MLmodel").is_file())
    return folder, dict(Model.load(packed).metadata or {})
