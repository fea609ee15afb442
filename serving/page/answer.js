// Answers for people: probabilities as bars, forecasts as plots, texts as texts, the rest as JSON.

import { element } from "./dom.js";
import { plots } from "./plot.js";

const MOST_BARS = 10;

// outputs: {name: the answer to one row}. inputs: what was asked.
export function shown(outputs, inputs, model) {
  const left = { ...outputs };
  const found = [];
  if (Array.isArray(left.probabilities)) {
    if (typeof left.label === "string") {
      found.push(verdict(left.label, left.probability));
      delete left.label;
      delete left.probability;
    }
    found.push(bars(left.probabilities, model.classes));
    delete left.probabilities;
  }
  if (Array.isArray(left.forecast?.[0])) {
    found.push(...plots(inputs.history, left.forecast, left.quantiles));
    delete left.forecast;
    delete left.quantiles;
  }
  for (const [name, value] of Object.entries(left)) {
    if (typeof value === "string") found.unshift(paragraph(name, value));
    else found.push(other(name, value));
  }
  return found;
}

function verdict(label, probability) {
  const sure = probability === undefined ? [] : [` ${percent(probability)}`];
  return element("p", { class: "verdict" }, element("strong", {}, label), ...sure);
}

function paragraph(name, value) {
  return element("p", { class: "verdict" }, element("span", { class: "name" }, name), value);
}

function other(name, value) {
  const text = typeof value === "number" ? String(rounded(value)) : JSON.stringify(value);
  const long = text.length > 4000 ? `${text.slice(0, 4000)} …` : text;
  return element("p", { class: "other" }, element("span", { class: "name" }, name), long);
}

function bars(probabilities, classes) {
  const name = (place) => classes[place] ?? `class ${place}`;
  const ranked = probabilities
    .map((probability, place) => [probability, name(place)])
    .sort(([one], [other]) => other - one);
  const rows = ranked.slice(0, MOST_BARS).map(([probability, label]) => {
    const bar = element("span", { class: "bar" });
    bar.style.width = `${100 * probability}%`;
    return element(
      "tr", {},
      element("th", { scope: "row" }, label),
      element("td", { class: "track" }, bar),
      element("td", { class: "number" }, percent(probability)),
    );
  });
  const left = ranked.length - rows.length;
  const caption = left ? `The likeliest ${rows.length}; ${left} more are left out` : "Probabilities";
  return element(
    "table", { class: "bars" },
    element("caption", {}, caption), element("tbody", {}, ...rows),
  );
}

function percent(probability) {
  const hundred = 100 * probability;
  if (hundred > 0 && hundred < 0.1) return "< 0.1 %";
  if (hundred < 100 && hundred > 99.9) return "> 99.9 %";
  return `${hundred.toFixed(1)} %`;
}

function rounded(number) {
  return Number.isInteger(number) ? number : Number(number.toPrecision(4));
}
