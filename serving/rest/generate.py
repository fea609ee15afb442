"""Texts by Triton's generate extension: whole, or as events while they are made.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_generate.md
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import numpy as np
from starlette.requests import Request

from serving.batching.text_stream import TextStream
from serving.config import Limits
from serving.core.inputs import Inputs, check_inputs
from serving.core.prediction import LARGE_BODY, Core, Decode, RequestRecord
from serving.core.text_request import SEED
from serving.errors import BadRequest, listed
from serving.rest import json_tensors
from serving.rest.bodies import read_body
from serving.rest.disconnects import DisconnectGuard
from serving.rest.endpoints import Endpoint, parse_object, timeout_s
from serving.rest.event_stream import EventStream
from serving.rest.open_inference_tensors import get_field
from serving.rest.tfserving_v1 import PREDICT_ERRORS, to_predict_request
from serving.servables.signature import Signature, TensorSpec
from serving.servables.text_generator import PROMPT, STOP

MODEL = "/v2/models/{model:name}"
INPUT, PARAMETERS, STREAM, OUTPUT = "text_input", "parameters", "stream", "text_output"


def endpoints(core: Core) -> list[Endpoint]:
    api = Generate(core)
    result = []
    for suffix, path in (("", MODEL), ("_of_version", f"{MODEL}/versions/{{version:name}}")):
        result += [
            Endpoint(
                "POST", f"{path}/generate", f"generate{suffix}", api.generate,
                "A text that continues another", "GenerateResponse", "GenerateRequest",
                PREDICT_ERRORS,
            ),
            Endpoint(
                "POST", f"{path}/generate_stream", f"generate_stream{suffix}", api.generate_stream,
                "The same, as it is made", "GenerateResponse", "GenerateRequest", PREDICT_ERRORS,
                is_event_stream=True,
            ),
        ]  # fmt: skip
    return result


class Generate:
    def __init__(self, core: Core):
        self.core, self.disconnects = core, DisconnectGuard()

    async def generate(self, request: Request, record: RequestRecord) -> dict:
        events = await self.events(request, record, streamed=False)
        with self.disconnects.cancel_on_disconnect(request):
            *earlier, last = [event async for event in events]
        return {**last, OUTPUT: "".join(event[OUTPUT] for event in earlier)}

    async def generate_stream(self, request: Request, record: RequestRecord) -> EventStream:
        events = await self.events(request, record, streamed=True)
        with self.disconnects.cancel_on_disconnect(request):
            first = await anext(events)  # an error until here has a status of its own
        return EventStream(continued(first, events), self.disconnects)

    async def events(
        self, request: Request, record: RequestRecord, *, streamed: bool
    ) -> AsyncGenerator[dict, None]:
        """The text in parts, as they are made, and then what is known of it."""
        data = await read_body(self.core, request, record)
        predict_request = to_predict_request(request, timeout_s=timeout_s(request))
        if len(data) <= LARGE_BODY:
            body = parse_object(data, self.core.config.limits)
        else:
            async with self.core.decoding_large(self.core.deadline(record, timeout_s(request))):
                body = await asyncio.to_thread(parse_object, data, self.core.config.limits)
        decode = self.decoder(body, streamed=streamed)
        stream, version = self.core.generate(record, predict_request, decode)
        return parts(stream, {"model_name": record.model, "model_version": str(version)})

    def decoder(self, body: dict, *, streamed: bool) -> Decode:
        """How the body becomes one row of the signature `generate`."""
        if unknown := set(body) - {INPUT, PARAMETERS}:
            raise BadRequest(f"unknown key {min(unknown)!r:.80}; accepted: {INPUT}, {PARAMETERS}")
        given = {**get_field(body, PARAMETERS, {})}
        if given.pop(STREAM, None) not in (None, streamed):
            other = "generate" if streamed else "generate_stream"
            raise BadRequest(f"{PARAMETERS}.{STREAM}: what is asked for is /{other}")
        limits = self.core.config.limits

        def decode(signature: Signature) -> Inputs:
            accepted = set(signature.inputs) - {PROMPT}
            if unknown := set(given) - accepted:
                message = f"{PARAMETERS}: unknown parameter {min(unknown)!r:.80}"
                raise BadRequest(f"{message}; accepted: {listed(accepted | {STREAM})}")
            values = {**given, PROMPT: body.get(INPUT)}
            arrays = {
                name: one_row(values.get(name), spec, limits)
                for name, spec in signature.inputs.items()
            }
            return check_inputs(arrays, signature, limits)

        return decode


def one_row(value, spec: TensorSpec, limits: Limits) -> np.ndarray:
    """A parameter, or else its default, as the row of a batch."""
    location = INPUT if spec.name == PROMPT else f"{PARAMETERS}.{spec.name}"
    if value is None:
        value = spec.default
    if value is None:
        raise BadRequest(f"{location}: is needed")
    if spec.name == STOP and isinstance(value, str):
        value = [value]
    return json_tensors.to_array([value], spec, location, limits)


async def parts(stream: TextStream, model: dict[str, str]) -> AsyncGenerator[dict, None]:
    """{"text_output": what is new}, and at the end why nothing follows, with no text.

    Args:
        stream: is closed at the end.
        model: name and version, for each part.
    """
    async with aclosing(stream.read()) as texts:
        async for text in texts:
            yield {**model, OUTPUT: text}
    yield {
        **model, OUTPUT: "", "finish_reason": stream.finish_reason, "tokens": stream.tokens,
        "log_probability": stream.log_probability, **stream.notes,
        **{name: stream.parameters[name] for name in (SEED,) if name in stream.parameters},
    }  # fmt: skip


async def continued(first: dict, others: AsyncGenerator[dict, None]) -> AsyncGenerator[dict, None]:
    async with aclosing(others):
        yield first
        async for event in others:
            yield event
