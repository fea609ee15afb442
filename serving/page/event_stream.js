// Server-sent events of a request with a body, for which browsers have no EventSource.

import { fetchResponse } from "./dom.js";

// Yields the JSON of each event, and throws an event's error. signal: ends the request.
export async function* fetchEvents(url, body, headers, signal) {
  const response = await fetchResponse(url, body, headers, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let received = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (received + value).split("\n\n");
    received = parts.pop();
    for (const part of parts) {
      const event = JSON.parse(part.replace(/^data: /, ""));
      if (event.error) throw new Error(event.error);
      yield event;
    }
  }
}
