"""The OpenAPI description of the REST frontend, generated from its endpoints."""

import re
from collections.abc import Sequence

from serving.rest import event_stream
from serving.rest.endpoints import JSON, TIMEOUT, Endpoint

ANY: dict[str, object] = {}
STRING, INTEGER, BOOLEAN = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
NUMBER = {"type": ["number", "null"]}


def array_schema(items: dict) -> dict:
    return {"type": "array", "items": items}


def object_schema(required: str = "", **properties: dict) -> dict:
    """required: names of the required properties, separated by spaces."""
    schema = {"type": "object", "properties": properties}
    return {**schema, "required": required.split()} if required else schema


TENSOR = object_schema(
    "name datatype shape", name=STRING, datatype=STRING, shape=array_schema(INTEGER)
)
VALUES = object_schema(
    "name datatype shape", name=STRING, datatype=STRING,
    shape=array_schema({**INTEGER, "minimum": 0}), data=array_schema(ANY),
    parameters=object_schema(),
)  # fmt: skip
STATE = object_schema(
    "version state status", version=STRING,
    state={"enum": ["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]},
    status=object_schema("error_code error_message", error_code=STRING, error_message=STRING),
)  # fmt: skip
SCHEMAS = {
    "Error": object_schema("error", error=STRING),
    "Object": object_schema(),
    "Predict": {
        **object_schema(instances=array_schema(ANY), inputs=ANY, signature_name=STRING),
        "additionalProperties": False,
        "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}],
    },
    "Predictions": {
        **object_schema(predictions=array_schema(ANY), outputs=ANY),
        "oneOf": [{"required": ["predictions"]}, {"required": ["outputs"]}],
    },
    "Status": object_schema("model_version_status", model_version_status=array_schema(STATE)),
    "Metadata": object_schema(
        "model_spec metadata", model_spec=object_schema(), metadata=object_schema()
    ),
    "Server": object_schema(
        "name version extensions", name=STRING, version=STRING, extensions=array_schema(STRING)
    ),
    "Live": object_schema("live", live=BOOLEAN),
    "Ready": object_schema("ready", ready=BOOLEAN),
    "ModelReady": object_schema("name version ready", name=STRING, version=STRING, ready=BOOLEAN),
    "ModelMetadata": object_schema(
        "name versions platform inputs outputs", name=STRING, versions=array_schema(STRING),
        platform=STRING, inputs=array_schema(TENSOR), outputs=array_schema(TENSOR),
    ),
    "InferRequest": object_schema(
        "inputs", id=STRING, parameters=object_schema(), inputs=array_schema(VALUES),
        outputs=array_schema(object_schema("name", name=STRING, parameters=object_schema())),
    ),
    "GenerateRequest": {
        **object_schema("text_input", text_input=STRING, parameters=object_schema()),
        "additionalProperties": False,
    },
    "GenerateResponse": object_schema(
        "model_name model_version text_output", model_name=STRING, model_version=STRING,
        text_output=STRING, finish_reason={"enum": ["stop", "length"]}, tokens=INTEGER,
        log_probability=NUMBER, seed=INTEGER,
    ),
    "InferResponse": object_schema(
        "model_name model_version outputs", model_name=STRING, model_version=STRING,
        id=STRING, outputs=array_schema(VALUES),
    ),
}  # fmt: skip
ERROR_DESCRIPTIONS = {
    400: "Invalid request", 401: "No valid token", 404: "Not found", 405: "Method not allowed",
    413: "Too large", 415: "Content encoding not supported",
    429: "Queue full", 501: "Not implemented", 503: "Unavailable", 504: "Deadline exceeded",
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
        {"name": name, "in": "path", "required": True, "schema": {**STRING, "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    description = {
        "operationId": endpoint.operation,
        "summary": endpoint.summary,
        "responses": responses(endpoint),
    }
    if endpoint.request_schema:
        description["requestBody"] = {"required": True, "content": content(endpoint.request_schema)}
        schema = {**INTEGER, "minimum": 1, "maximum": 999_999_999}
        parameters.append({"name": TIMEOUT, "in": "header", "schema": schema})
    return {**description, "parameters": parameters} if parameters else description


def responses(endpoint: Endpoint) -> dict:
    plain = {"text/plain": {"schema": STRING}}
    success = content(endpoint.response_schema) if endpoint.response_schema else plain
    if endpoint.request_schema == "InferRequest":
        success = {**success, "application/octet-stream": {"schema": {}}}
    if endpoint.is_event_stream:
        # Before OpenAPI 3.2 the schema of a stream is that of each event, by its fields.
        success = {event_stream.MEDIA_TYPE: {"schema": object_schema("data", data=STRING)}}
    result = {"200": {"description": "Success", "content": success}}
    for code in sorted({404, 405, *endpoint.error_codes} | (set() if endpoint.public else {401})):
        result[str(code)] = {"description": ERROR_DESCRIPTIONS[code], "content": content("Error")}
    return result


def content(schema: str) -> dict:
    return {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
