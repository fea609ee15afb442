// A prediction, displayed by the kinds of its outputs; other kinds are tables.

import { element } from "./dom.js";
import { overlay } from "./overlay.js";
import { plotSeries } from "./plot.js";
import { labelledValue, mask, percent, pixels, ranking, rounded, table } from "./tables.js";

const MAX_BARS = 10;
// In the order of display. Each returns nodes, or nothing if a value does not suit its kind.
const RENDERERS = {
  label: renderLabel,
  text: ({ name, value }) => typeof value === "string" && [headline(name, value)],
  probabilities: ({ value }, { model }) => isList(value, 1) && [bars(value, model.classes)],
  series: renderSeries,
  ranking: renderRanking,
  mask: renderMask,
  pixels: ({ name, value }) => isList(value, 3) && [pixels(name, value)],
  probability: ({ name, value }) => typeof value === "number" && [
    labelledValue(name, percent(value)),
  ],
  score: ({ name, value }) => typeof value === "number" && [
    labelledValue(name, String(rounded(value))),
  ],
};

// outputs, inputs: {name: the value of one row}.
export function renderPrediction(outputs, inputs, signature, model) {
  const remaining = signature.outputs.map((output) => ({ ...output, value: outputs[output.name] }));
  // Removes and returns the first remaining output of a kind that satisfies the condition.
  const take = (kind, condition = () => true) => {
    const index = remaining.findIndex((output) => output.kind === kind && condition(output.value));
    return index < 0 ? undefined : remaining.splice(index, 1)[0];
  };
  const context = { take, inputs, signature, model };
  const nodes = [];
  for (const [kind, render] of Object.entries(RENDERERS)) {
    for (let output = take(kind); output; output = take(kind)) {
      nodes.push(...(render(output, context) || [table(output.name, output.value)]));
    }
  }
  return [...nodes, ...remaining.map(({ name, value }) => table(name, value))];
}

function renderLabel({ value }, { take }) {
  if (typeof value !== "string") return null;
  const probability = take("probability", (number) => typeof number === "number");
  const suffix = probability ? ` ${percent(probability.value)}` : "";
  return [element("p", { class: "headline" }, element("strong", {}, value), suffix)];
}

function renderSeries({ value }, { take, inputs, signature }) {
  if (!isList(value, 1) && !isList(value, 2)) return null;
  const input = signature.inputs.find(({ kind }) => kind === "series");
  const quantiles = take("quantiles", (levels) => levels?.length === value.length);
  return plotSeries(toColumns(inputs[input?.name]), toColumns(value), quantiles?.value);
}

function renderRanking({ name, value }, { take }) {
  if (!isList(value, 1)) return null;
  const scores = take("score", (numbers) => numbers?.length === value.length);
  return [ranking(name, value, scores?.value)];
}

// A PNG file is laid over the image of the request; a matrix of class ids is drawn.
function renderMask({ name, value }, { take, inputs, signature, model }) {
  if (isMatrix(value)) return [mask(name, value, model.classes)];
  if (typeof value?.b64 !== "string") return null;
  const image = signature.inputs.find(({ kind }) => kind === "image");
  const shares = take("shares", (numbers) => isList(numbers, 1));
  return [overlay(name, value, inputs[image?.name], shares?.value, model.classes)];
}

// steps -> steps × 1 column.
function toColumns(series) {
  return (series || []).map((step) => (Array.isArray(step) ? step : [step]));
}

// Whether a value is a list nested this deep, with at least one element.
function isList(value, depth) {
  if (depth === 0) return !Array.isArray(value);
  return Array.isArray(value) && value.length > 0 && isList(value[0], depth - 1);
}

// height × width, or height × width × 1.
function isMatrix(value) {
  return isList(value, 2) || (isList(value, 3) && value[0][0].length === 1);
}

function headline(name, text) {
  return element("p", { class: "headline" }, element("span", { class: "name" }, name), text);
}

function bars(probabilities, classes) {
  const sorted = probabilities
    .map((probability, index) => [probability, classes[index] ?? `class ${index}`])
    .sort(([first], [second]) => second - first);
  const rows = sorted.slice(0, MAX_BARS).map(([probability, label]) => {
    const bar = element("span", { class: "bar" });
    bar.style.width = `${100 * probability}%`;
    return element(
      "tr", {},
      element("th", { scope: "row" }, label),
      element("td", { class: "track" }, bar),
      element("td", { class: "number" }, percent(probability)),
    );
  });
  const isCut = sorted.length > rows.length;
  const caption = isCut ? `The ${rows.length} most probable of ${sorted.length}` : "Probabilities";
  return element(
    "table", { class: "bars" },
    element("caption", {}, caption), element("tbody", {}, ...rows),
  );
}
