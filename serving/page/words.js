// Signatures and tasks in words.

import { count } from "./dom.js";

const TASKS = {
  text_classification: "Text classification",
  image_classification: "Image classification",
  forecasting: "Forecasting",
  translation: "Translation",
};

export function task(model) {
  return TASKS[model.task] || (model.task ? model.task.replaceAll("_", " ") : "Other models");
}

export function isFile(tensor) {
  return tensor.type === "string" && tensor.name.endsWith("_bytes");
}

// "text: a text"; "history: 104 rows of 1 number".
export function tensor(found) {
  const unit = found.unit ? ` in ${found.unit}` : "";
  return `${found.name}: ${size(found)}${unit}`;
}

export function side(tensors) {
  return tensors.map(tensor).join("; ");
}

export function size(found) {
  if (isFile(found)) return found.shape?.length ? "files" : "a file";
  const [one, many] = noun(found);
  if (found.shape === null) return `${many} in any shape`;
  const sizes = found.shape.map((each) => each ?? "any number of");
  if (!sizes.length) return `${one === "integer" ? "an" : "a"} ${one}`;
  const last = sizes.pop();
  const inner = typeof last === "number" ? count(last, one, many) : `${last} ${many}`;
  return [...sizes.map((each) => `${each} × `), inner].join("");
}

function noun(found) {
  if (found.type === "string") return ["text", "texts"];
  if (found.type === "bool") return ["true or false", "of true or false"];
  if (/int/.test(found.type)) return ["integer", "integers"];
  return ["number", "numbers"];
}
