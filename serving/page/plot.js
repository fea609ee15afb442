// A forecast after its history, as inline SVG: one plot for each column.

import { count, element, svgElement } from "./dom.js";

const HEIGHT = 220, LEFT = 52, RIGHT = 12, TOP = 10, BOTTOM = 26;
const MAX_PLOTS = 8;

// history, forecast: steps × columns; history can be empty. quantiles: steps × columns × levels,
// or undefined.
export function plotSeries(history, forecast, quantiles) {
  const columns = forecast[0].length;
  const past = history[0]?.length === columns ? history : [];
  const nodes = [];
  for (let column = 0; column < Math.min(columns, MAX_PLOTS); column++) {
    const title = columns > 1 ? `column ${column + 1}: ` : "";
    const select = (rows) => (rows || []).map((row) => row[column]);
    nodes.push(plotColumn(title, select(past), select(forecast), select(quantiles)));
  }
  const hidden = columns - MAX_PLOTS;
  if (hidden > 0) nodes.push(element("p", {}, `${count(hidden, "more column")} not shown.`));
  return nodes;
}

// levels: steps × levels, the quantiles of this column.
function plotColumn(title, history, forecast, levels) {
  const width = Math.max(300, Math.min(document.documentElement.clientWidth - 48, 640));
  const values = [...history, ...forecast, ...levels.flat()].filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const steps = history.length + forecast.length;
  const x = (step) => LEFT + ((width - LEFT - RIGHT) * step) / Math.max(1, steps - 1);
  const y = (value) => TOP + ((HEIGHT - TOP - BOTTOM) * (high - value)) / (high - low || 1);
  const line = (series, start, cssClass) => svgElement("polyline", {
    class: cssClass,
    points: series.map((value, step) => `${x(start + step)},${y(value)}`).join(" "),
  });
  const now = Math.max(0, history.length - 1);
  const description = `${title}forecast of ${count(forecast.length, "step")}, ` +
    `from ${format(forecast[0])} to ${format(forecast.at(-1))}`;
  const svg = svgElement(
    "svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": description },
    ...axes(width, low, high, y, x(now), history.length, forecast.length),
  );
  if (levels.length) svg.append(band(levels, x, y, history.length));
  svg.append(line(history, 0, "history"));
  // The forecast's line starts at the last observation.
  const start = history.length ? now : 0;
  svg.append(line([...history.slice(-1), ...forecast], start, "forecast"));
  const caption = description[0].toUpperCase() + description.slice(1);
  return element(
    "figure", {}, svg,
    element("figcaption", {}, caption, bandCaption(levels)),
    valuesTable(forecast, levels),
  );
}

function bandCaption(levels) {
  if (!levels.length) return ".";
  return `; the band is from the lowest to the highest of ${levels[0].length} quantiles.`;
}

function axes(width, low, high, y, now, pastSteps, futureSteps) {
  const nodes = [];
  for (const value of ticks(low, high)) {
    const height = y(value);
    nodes.push(
      svgElement("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: height, y2: height }),
      svgElement("text", { x: LEFT - 6, y: height + 4, "text-anchor": "end" }, format(value)),
    );
  }
  const bottom = HEIGHT - BOTTOM;
  nodes.push(svgElement("line", { class: "now", x1: now, x2: now, y1: TOP, y2: bottom }));
  const xLabel = (x, anchor, text) =>
    nodes.push(svgElement("text", { x, y: HEIGHT - 8, "text-anchor": anchor }, text));
  if (pastSteps > 1) xLabel(LEFT, "start", `−${pastSteps - 1} steps`);
  xLabel(now, "middle", "now");
  xLabel(width - RIGHT, "end", `+${futureSteps}`);
  return nodes;
}

function band(levels, x, y, start) {
  const edge = (level) =>
    levels.map((step, index) => `${x(start + index)},${y(step.at(level))}`);
  const points = [...edge(-1), ...edge(0).reverse()].join(" ");
  return svgElement("polygon", { class: "band", points });
}

// Two to five round values within the range.
function ticks(low, high) {
  if (!(high > low)) return [low];
  const third = (high - low) / 3;
  const power = 10 ** Math.floor(Math.log10(third));
  const spacings = [1, 2, 5, 10].map((factor) => factor * power);
  const spacing = spacings.filter((value) => value <= third).at(-1);
  const values = [];
  for (let value = Math.ceil(low / spacing) * spacing; value <= high; value += spacing) {
    values.push(value);
  }
  return values;
}

function valuesTable(forecast, levels) {
  const rows = forecast.map((value, index) => element(
    "tr", {},
    element("th", { scope: "row" }, `+${index + 1}`),
    ...[value, ...(levels[index] || [])].map((number) => element("td", {}, format(number))),
  ));
  const quantiles = (levels[0] || []).map((_, index) => `Quantile ${index + 1}`);
  const titles = ["Step", "Forecast", ...quantiles];
  const header = titles.map((title) => element("th", { scope: "col" }, title));
  return element(
    "details", {}, element("summary", {}, "Values"),
    element("div", { class: "wide" }, element(
      "table", { class: "numbers" },
      element("thead", {}, element("tr", {}, ...header)), element("tbody", {}, ...rows),
    )),
  );
}

function format(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(5))) : "none";
}
