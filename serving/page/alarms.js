// A pasted series with its alarms: every reading that has enough readings before it is judged.

import { count, element, svgElement } from "./dom.js";

const HEIGHT = 150, LEFT = 52, RIGHT = 12, TOP = 10, BOTTOM = 22;
const MAX_PLOTS = 8, MAX_WINDOWS = 400, TINY = 1e-6;

// Whether a signature judges the last reading of a series: one series in, an alarm out.
export function judgesSeries({ inputs, outputs }) {
  return inputs.length === 1 && inputs[0].kind === "series" && inputs[0].shape?.length === 2 &&
    outputs.some(({ kind }) => kind === "alarm");
}

// The windows of a series, one ending with each reading; of a long series those of its end.
export function windowsOf(series, input) {
  const [steps, columns] = input.shape;
  if (!Array.isArray(series) || series.length < steps) {
    const given = Array.isArray(series) ? series.length : 0;
    throw new Error(`${input.name}: ${count(given, "reading")}; at least ${steps} are needed`);
  }
  if (series.some((row) => row.length !== columns)) {
    throw new Error(`${input.name}: every reading needs ${count(columns, "number")}`);
  }
  const judged = series.slice(-(steps + MAX_WINDOWS - 1));
  return judged.slice(steps - 1).map((_, index) => judged.slice(index, index + steps));
}

// windows: as sent. outputs: {name: a value for each window}.
export function plotAlarms(windows, outputs, signature) {
  const named = (kind) => signature.outputs.find((output) => output.kind === kind)?.name;
  const alarms = outputs[named("alarm")], scores = outputs[named("score")];
  const series = [...windows[0].slice(0, -1), ...windows.map((window) => window.at(-1))];
  const first = windows[0].length - 1;
  const raised = alarms.filter(Boolean).length;
  const headline = `${count(raised, "alarm")} in ${count(alarms.length, "reading")} judged`;
  const nodes = [element("p", { class: "headline" }, headline)];
  const columns = series[0].length;
  for (let column = 0; column < Math.min(columns, MAX_PLOTS); column++) {
    const values = series.map((row) => row[column]);
    const expected = outputs.expected?.map((row) => row[column]);
    nodes.push(plot(columns > 1 ? `column ${column + 1}` : "readings", values, first, alarms, expected));
  }
  if (columns > MAX_PLOTS) {
    nodes.push(element("p", {}, `${count(columns - MAX_PLOTS, "more column")} not shown.`));
  }
  if (scores) {
    const logarithms = scores.map((score) => Math.log10(Math.max(score ?? TINY, TINY)));
    const threshold = outputs.threshold && Math.log10(Math.max(outputs.threshold[0], TINY));
    const missing = Array(first).fill(null);
    nodes.push(plot("score, powers of ten", [...missing, ...logarithms], first, alarms, null, threshold));
  }
  return [...nodes, table(alarms, scores, first)];
}

// values: null where there is none. first: the first reading that is judged.
function plot(title, values, first, alarms, expected, threshold) {
  const width = Math.max(300, Math.min(document.documentElement.clientWidth - 48, 640));
  const known = [...values, ...(expected || []), threshold].filter(Number.isFinite);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const x = (step) => LEFT + ((width - LEFT - RIGHT) * step) / Math.max(1, values.length - 1);
  const y = (value) => TOP + ((HEIGHT - TOP - BOTTOM) * (high - value)) / (high - low || 1);
  const line = (numbers, start, cssClass) => svgElement("polyline", {
    class: cssClass,
    points: numbers.map((value, step) => [value, start + step])
      .filter(([value]) => Number.isFinite(value))
      .map(([value, step]) => `${x(step)},${y(value)}`).join(" "),
  });
  const raised = alarms.flatMap((alarm, index) => (alarm ? [first + index] : []));
  const description = `${title}: ${count(values.length, "reading")}, ${count(raised.length, "alarm")}`;
  const svg = svgElement(
    "svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": description },
    ...[low, high].map((value) => svgElement(
      "text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, format(value),
    )),
    svgElement("line", { class: "now", x1: x(first), x2: x(first), y1: TOP, y2: HEIGHT - BOTTOM }),
    svgElement("text", { x: x(first), y: HEIGHT - 6, "text-anchor": "middle" }, "first judged"),
    line(values, 0, "history"),
  );
  if (expected) svg.append(line(expected, first, "expected"));
  if (Number.isFinite(threshold)) {
    svg.append(svgElement("line", {
      class: "threshold", x1: LEFT, x2: width - RIGHT, y1: y(threshold), y2: y(threshold),
    }));
  }
  for (const step of raised) {
    if (!Number.isFinite(values[step])) continue;
    svg.append(svgElement("circle", { class: "alarm", cx: x(step), cy: y(values[step]), r: 3 }));
  }
  const more = expected ? "; the thin line is what was expected" : "";
  return element("figure", {}, svg, element("figcaption", {}, `${description}${more}.`));
}

function table(alarms, scores, first) {
  const rows = alarms.map((alarm, index) => element(
    "tr", {},
    element("th", { scope: "row" }, String(first + index + 1)),
    element("td", {}, format(scores?.[index])), element("td", {}, alarm ? "alarm" : ""),
  ));
  const titles = ["Reading", "Score", "Alarm"].map((text) => element("th", { scope: "col" }, text));
  return element(
    "details", {}, element("summary", {}, "Scores"),
    element("div", { class: "wide" }, element(
      "table", { class: "numbers" },
      element("thead", {}, element("tr", {}, ...titles)), element("tbody", {}, ...rows),
    )),
  );
}

function format(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "none";
}
