// A forecast after its history, as inline SVG: one plot for each column.

import { count, drawn, element } from "./dom.js";

const HEIGHT = 220, LEFT = 52, RIGHT = 12, TOP = 10, BOTTOM = 26;
const MOST = 8;

// history, forecast: steps × columns. quantiles: steps × columns × levels, or nothing.
export function plots(history, forecast, quantiles) {
  const columns = forecast[0].length;
  const found = [];
  for (let column = 0; column < Math.min(columns, MOST); column++) {
    const title = columns > 1 ? `column ${column + 1}: ` : "";
    const of = (rows) => (Array.isArray(rows) ? rows.map((row) => row[column]) : []);
    found.push(plot(title, of(history), of(forecast), of(quantiles)));
  }
  if (columns > MOST) found.push(element("p", {}, `${columns - MOST} more columns are left out.`));
  return found;
}

function plot(title, history, forecast, levels) {
  const width = Math.max(300, Math.min(document.documentElement.clientWidth - 48, 640));
  const all = [...history, ...forecast, ...levels.flat()].filter(Number.isFinite);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const steps = history.length + forecast.length;
  const x = (place) => LEFT + ((width - LEFT - RIGHT) * place) / Math.max(1, steps - 1);
  const y = (value) => TOP + ((HEIGHT - TOP - BOTTOM) * (high - value)) / (high - low || 1);
  const line = (values, first, kind) => drawn("polyline", {
    class: kind,
    points: values.map((value, place) => `${x(first + place)},${y(value)}`).join(" "),
  });
  const now = Math.max(0, history.length - 1);
  const words = `${title}forecast of ${count(forecast.length, "step")}, ` +
    `from ${short(forecast[0])} to ${short(forecast.at(-1))}`;
  const svg = drawn(
    "svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": words },
    ...axes(width, low, high, y, x(now), history.length, forecast.length),
  );
  if (levels.length) svg.append(band(levels, x, y, history.length));
  svg.append(line(history, 0, "history"));
  svg.append(line([...history.slice(-1), ...forecast], now, "forecast"));
  return element(
    "figure", {}, svg,
    element("figcaption", {}, words[0].toUpperCase() + words.slice(1), legend(levels)),
    numbers(forecast, levels),
  );
}

function legend(levels) {
  if (!levels.length) return ".";
  return `; the band is from the lowest to the highest of ${levels[0].length} quantiles.`;
}

function axes(width, low, high, y, now, past, ahead) {
  const found = [];
  for (const value of ticks(low, high)) {
    const at = y(value);
    found.push(drawn("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: at, y2: at }));
    found.push(drawn("text", { x: LEFT - 6, y: at + 4, "text-anchor": "end" }, short(value)));
  }
  const bottom = HEIGHT - BOTTOM;
  found.push(drawn("line", { class: "now", x1: now, x2: now, y1: TOP, y2: bottom }));
  const under = (at, anchor, text) =>
    found.push(drawn("text", { x: at, y: HEIGHT - 8, "text-anchor": anchor }, text));
  under(LEFT, "start", `−${past - 1} steps`);
  under(now, "middle", "now");
  under(width - RIGHT, "end", `+${ahead}`);
  return found;
}

function band(levels, x, y, first) {
  const edge = (level) =>
    levels.map((step, place) => `${x(first + place)},${y(step.at(level))}`);
  const points = [...edge(-1), ...edge(0).reverse()].join(" ");
  return drawn("polygon", { class: "band", points });
}

// Two to five round values within the range.
function ticks(low, high) {
  if (!(high > low)) return [low];
  const rough = (high - low) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).filter((each) => each <= rough).at(-1);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) found.push(value);
  return found;
}

function numbers(forecast, levels) {
  const rows = forecast.map((value, place) => element(
    "tr", {},
    element("th", { scope: "row" }, `+${place + 1}`),
    ...[value, ...(levels[place] || [])].map((each) => element("td", {}, short(each))),
  ));
  const quantiles = (levels[0] || []).map((_, place) => `Quantile ${place + 1}`);
  const head = ["Step", "Forecast", ...quantiles].map((text) => element("th", { scope: "col" }, text));
  return element(
    "details", {}, element("summary", {}, "The numbers"),
    element("div", { class: "wide" }, element(
      "table", { class: "numbers" },
      element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows),
    )),
  );
}

function short(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(5))) : "none";
}
