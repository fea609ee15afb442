// DOM elements made without markup: text from the server never becomes HTML.

const SVG = "http://www.w3.org/2000/svg";

export function element(tag, attributes = {}, ...children) {
  return withContent(document.createElement(tag), attributes, children);
}

export function svgElement(tag, attributes = {}, ...children) {
  return withContent(document.createElementNS(SVG, tag), attributes, children);
}

// Attributes named "on..." are event listeners; true sets an attribute without a value.
function withContent(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// The JSON of a response. With a body: POST.
export async function fetchJson(url, body, headers) {
  const response = await fetchResponse(url, body, headers);
  return response.json().catch(() => ({}));
}

// A successful response; throws the server's error message, with its status. signal: aborts it.
export async function fetchResponse(url, body, headers = {}, signal = null) {
  const options = body ? { method: "POST", body: JSON.stringify(body) } : {};
  let response;
  try {
    response = await fetch(url, { ...options, headers, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Error("The server does not respond.");
  }
  if (response.ok) return response;
  const content = await response.json().catch(() => ({}));
  const error = new Error(content.error || `The server answered ${response.status}.`);
  throw Object.assign(error, { status: response.status });
}

export function count(number, singular, plural = `${singular}s`) {
  return `${number} ${number === 1 ? singular : plural}`;
}

export function errorMessage(error) {
  return element("p", { class: "error" }, error.message);
}
