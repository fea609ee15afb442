// Models, inputs and outputs described in words, from their types, shapes and kinds.

// "text_classification" becomes "Text classification".
export function groupTitle(model) {
  if (!model.signatures.length) return "Not ready";
  if (!model.task) return "Other models";
  const words = model.task.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

// TensorFlow Serving's convention: a string named "..._bytes" holds bytes, not text.
export function isFile(tensor) {
  const bytes = tensor.kind === "image" || tensor.name.endsWith("_bytes");
  return tensor.type === "string" && bytes;
}

// "text: a text"; "history: 104 numbers".
export function describeTensors(tensors) {
  return tensors.map((tensor) => {
    const unit = tensor.unit ? ` in ${tensor.unit}` : "";
    return `${tensor.name}: ${describeSize(tensor)}${unit}`;
  }).join("; ");
}

export function describeSize(tensor) {
  if (isFile(tensor)) return tensor.shape?.length ? "files" : "a file";
  const [singular, plural] = nouns(tensor);
  if (tensor.shape === null) return `${plural} in any shape`;
  if (!tensor.shape.length) return singular === "true or false" ? singular : withArticle(singular);
  const sizes = tensor.shape.filter((size) => size !== 1).map((size) => size ?? "any number");
  if (!sizes.length) return `1 ${singular}`;
  return `${sizes.join(" × ")} ${sizes.at(-1) === "any number" ? "of " : ""}${plural}`;
}

function withArticle(noun) {
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}

function nouns(tensor) {
  if (tensor.type === "string") return ["text", "texts"];
  if (tensor.type === "bool") return ["true or false", "truth values"];
  if (/int/.test(tensor.type)) return ["integer", "integers"];
  return ["number", "numbers"];
}
