// Tables of numbers and texts, rankings, masks, images and single values.

import { element } from "./dom.js";

const MAX_ROWS = 50, MAX_COLUMNS = 20, MAX_CHARACTERS = 4000;
const GOLDEN_ANGLE = 137.5;  // degrees: gives neighbouring classes distinct hues

// A value of any shape: a table of one or two dimensions, otherwise JSON.
export function table(name, value) {
  if (!Array.isArray(value)) return labelledValue(name, format(value));
  const rows = value.map((row) => (Array.isArray(row) ? row : [row]));
  if (rows.flat().some(Array.isArray)) return labelledValue(name, shortened(JSON.stringify(value)));
  const width = Math.max(0, ...rows.map((row) => row.length));
  const body = rows.slice(0, MAX_ROWS).map((row, index) => element(
    "tr", {},
    element("th", { scope: "row" }, String(index + 1)),
    ...row.slice(0, MAX_COLUMNS).map((item) => element("td", {}, format(item))),
  ));
  const isCut = rows.length > MAX_ROWS || width > MAX_COLUMNS;
  const caption = isCut ? `${name}: the first of ${rows.length} × ${width} values` : name;
  return element("div", { class: "wide" }, element(
    "table", { class: "numbers" },
    element("caption", {}, caption), element("tbody", {}, ...body),
  ));
}

export function labelledValue(name, text) {
  return element("p", { class: "value" }, element("span", { class: "name" }, name), text);
}

// scores: one for each item, or undefined.
export function ranking(name, items, scores) {
  const entries = items.slice(0, MAX_ROWS).map((item, index) => element(
    "li", {}, format(item),
    ...(scores ? [element("span", { class: "score" }, ` ${format(scores[index])}`)] : []),
  ));
  return element(
    "div", { class: "ranking" },
    element("span", { class: "name" }, name), element("ol", {}, ...entries),
  );
}

// matrix: a class index for each pixel, height × width or height × width × 1.
export function mask(name, matrix, classes) {
  const rows = matrix.map((row) => row.flat());
  const present = [...new Set(rows.flat())].sort((first, second) => first - second);
  const legend = present.map((index) => {
    const swatch = element("span", { class: "swatch" });
    swatch.style.background = classColor(index);
    return element("li", {}, swatch, classes[index] ?? `class ${index}`);
  });
  return element(
    "figure", {}, element("figcaption", {}, name), painted(name, rows, classColor),
    element("ul", { class: "legend" }, ...legend),
  );
}

// image: intensities from 0 to 1, height × width × 1, or 3 of red, green and blue.
export function pixels(name, image) {
  const color = (channels) => {
    const [red, green = red, blue = red] = channels.map((value) => Math.round(255 * value));
    return `rgb(${red} ${green} ${blue})`;
  };
  return element("figure", {}, element("figcaption", {}, name), painted(name, image, color));
}

// rows: of what `color` makes a color of.
function painted(name, rows, color) {
  const [height, width] = [rows.length, rows[0].length];
  const canvas = element("canvas", {
    class: "mask", width, height, role: "img", "aria-label": `${name}: ${width} × ${height} pixels`,
  });
  const context = canvas.getContext("2d");
  rows.forEach((row, y) => row.forEach((value, x) => {
    context.fillStyle = color(value);
    context.fillRect(x, y, 1, 1);
  }));
  return canvas;
}

// Class 0 is the background of most masks.
function classColor(index) {
  return index === 0 ? "#777" : `hsl(${(index * GOLDEN_ANGLE) % 360} 65% 50%)`;
}

export function percent(probability) {
  const value = 100 * probability;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  if (value < 100 && value > 99.9) return "> 99.9 %";
  return `${value.toFixed(1)} %`;
}

export function rounded(number) {
  return Number.isInteger(number) ? number : Number(number.toPrecision(4));
}

function format(value) {
  if (typeof value === "number") return String(rounded(value));
  return shortened(typeof value === "string" ? value : JSON.stringify(value));
}

function shortened(text) {
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)} …` : text;
}
