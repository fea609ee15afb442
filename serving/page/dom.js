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

// The JSON of a response; throws the server's error message, with its status. With a body: POST.
export async function fetchJson(url, body, headers = {}) {
  const options = body ? { method: "POST", body: JSON.stringify(body), headers } : { headers };
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new Error("The server does not respond.");
  }
  const content = await response.json().catch(() => ({}));
  if (response.ok) return content;
  const error = new Error(content.error || `The server answered ${response.status}.`);
  throw Object.assign(error, { status: response.status });
}

export function count(number, singular, plural = `${singular}s`) {
  return `${number} ${number === 1 ? singular : plural}`;
}
