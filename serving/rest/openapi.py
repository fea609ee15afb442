"""The OpenAPI description of the REST face, made of the endpoints themselves."""

import re
from collections.abc import Sequence

from serving.rest.endpoints import JSON, TIMEOUT, Endpoint

ANY = {}
TEXT, WHOLE, YES = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}


def array(items: dict) -> dict:
    return {"type": "array", "items": items}


def record(required: str = "", **properties: dict) -> dict:
    found = {"type": "object", "properties": properties}
    return {**found, "required": required.split()} if required else found


TENSOR = record("name datatype shape", name=TEXT, datatype=TEXT, shape=array(WHOLE))
VALUES = record(
    "name datatype shape", name=TEXT, datatype=TEXT,
    shape=array({**WHOLE, "minimum": 0}), data=array(ANY), parameters=record(),
)  # fmt: skip
STATE = record(
    "version state status", version=TEXT,
    state={"enum": ["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]},
    status=record("error_code error_message", error_code=TEXT, error_message=TEXT),
)  # fmt: skip
SCHEMAS = {
    "Error": record("error", error=TEXT),
    "Object": record(),
    "Predict": {
        **record(instances=array(ANY), inputs=ANY, signature_name=TEXT),
        "additionalProperties": False,
        "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}],
    },
    "Predictions": {
        **record(predictions=array(ANY), outputs=ANY),
        "oneOf": [{"required": ["predictions"]}, {"required": ["outputs"]}],
    },
    "Status": record("model_version_status", model_version_status=array(STATE)),
    "Metadata": record("model_spec metadata", model_spec=record(), metadata=record()),
    "Server": record("name version extensions", name=TEXT, version=TEXT, extensions=array(TEXT)),
    "Live": record("live", live=YES),
    "Ready": record("ready", ready=YES),
    "ModelReady": record("name version ready", name=TEXT, version=TEXT, ready=YES),
    "ModelMetadata": record(
        "name versions platform inputs outputs", name=TEXT, versions=array(TEXT),
        platform=TEXT, inputs=array(TENSOR), outputs=array(TENSOR),
    ),
    "InferRequest": record(
        "inputs", id=TEXT, parameters=record(), inputs=array(VALUES),
        outputs=array(record("name", name=TEXT, parameters=record())),
    ),
    "InferResponse": record(
        "model_name model_version outputs", model_name=TEXT, model_version=TEXT,
        id=TEXT, outputs=array(VALUES),
    ),
}  # fmt: skip
FAILURES = {
    400: "Bad argument", 404: "Unknown", 405: "Another method is needed", 413: "Too large",
    429: "Queue full", 501: "Not offered", 503: "Not available", 504: "Deadline passed",
}  # fmt: skip


def describe(endpoints: Sequence[Endpoint]) -> dict:
    paths: dict[str, dict] = {}
    for endpoint in endpoints:
        path = re.sub(r":name\}", "}", endpoint.path)
        paths.setdefault(path, {})[endpoint.method.lower()] = operation(endpoint, path)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Models served from SavedModels", "version": "1"},
        "paths": paths,
        "components": {"schemas": SCHEMAS},
    }


def operation(endpoint: Endpoint, path: str) -> dict:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {**TEXT, "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    found = {
        "operationId": endpoint.operation,
        "summary": endpoint.summary,
        "responses": responses(endpoint),
    }
    if endpoint.body:
        found["requestBody"] = {"required": True, "content": content(endpoint.body)}
        schema = {**WHOLE, "minimum": 1, "maximum": 999_999_999}
        parameters.append({"name": TIMEOUT, "in": "header", "schema": schema})
    return {**found, "parameters": parameters} if parameters else found


def responses(endpoint: Endpoint) -> dict:
    plain = {"text/plain": {"schema": TEXT}}
    good = content(endpoint.answer) if endpoint.answer else plain
    found = {"200": {"description": "The answer", "content": good}}
    if endpoint.body == "InferRequest":
        found["200"]["content"]["application/octet-stream"] = {"schema": {}}
    for code in sorted({404, 405, *endpoint.failures}):
        found[str(code)] = {"description": FAILURES[code], "content": content("Error")}
    return found


def content(schema: str) -> dict:
    return {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
