// Signatures and tasks in words.

const TASKS = {
  text_classification: "Text classification",
  image_classification: "Image classification",
  forecasting: "Forecasting",
  translation: "Translation",
};

export function task(model) {
  if (!model.signatures.length) return "Not ready";
  return TASKS[model.task] || (model.task ? model.task.replaceAll("_", " ") : "Other models");
}

export function isFile(tensor) {
  return tensor.type === "string" && tensor.name.endsWith("_bytes");
}

// "text: a text"; "history: 104 numbers".
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
  if (!found.shape.length) return one === "true or false" ? one : article(one);
  const sizes = found.shape.filter((each) => each !== 1).map((each) => each ?? "any number");
  if (!sizes.length) return `1 ${one}`;
  return `${sizes.join(" × ")} ${sizes.at(-1) === "any number" ? "of " : ""}${many}`;
}

function article(word) {
  return `${/^[aeiou]/.test(word) ? "an" : "a"} ${word}`;
}

function noun(found) {
  if (found.type === "string") return ["text", "texts"];
  if (found.type === "bool") return ["true or false", "truth values"];
  if (/int/.test(found.type)) return ["integer", "integers"];
  return ["number", "numbers"];
}
