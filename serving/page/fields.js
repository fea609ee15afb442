// One form field for each input, chosen by the input's type and kind.

import { describeSize, isFile } from "./descriptions.js";
import { element } from "./dom.js";

let fieldCount = 0;

// {node, value: async () => what to send for one row, fill: (example row) => void}
export function createField(tensor) {
  const id = `field-${++fieldCount}`;
  const create = isFile(tensor) && isScalar(tensor) ? fileInput
    : isText(tensor) ? textInput : valuesInput;
  const { control, value, fill, after = [] } = create(tensor);
  control.id = id;
  control.setAttribute("aria-describedby", `${id}-hint`);
  const label = element("label", { for: id }, tensor.name.replaceAll("_", " "));
  const hint = element("p", { class: "hint", id: `${id}-hint` }, hintText(tensor));
  return { node: element("div", { class: "field" }, label, control, ...after, hint), value, fill };
}

function hintText(tensor) {
  if (tensor.kind === "image") return "A JPEG or PNG image.";
  if (tensor.kind === "video") return "An animated GIF file.";
  if (isFile(tensor)) return "A file.";
  if (isText(tensor)) return "Press Enter to predict, Shift+Enter for a new line.";
  const isSeries = ["series", "covariates"].includes(tensor.kind);
  const unit = tensor.unit || (isSeries ? "the unit of the training data" : "");
  const size = `${describeSize(tensor)}${unit && ` in ${unit}`}${isSeries ? ", oldest first" : ""}`;
  return `${size}; separated by spaces, commas or new lines. Press Enter to predict.`;
}

function isScalar(tensor) {
  return !tensor.shape?.length;
}

function isText(tensor) {
  return tensor.type === "string" && tensor.shape?.length === 0;
}

function textInput() {
  const control = textArea(3);
  return {
    control,
    value: async () => control.value,
    fill: (row) => { control.value = row; },
  };
}

// Enter submits its form, Shift+Enter adds a line.
export function textArea(rows) {
  return element("textarea", {
    rows,
    spellcheck: "false",
    onkeydown: (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      event.target.form.requestSubmit();
    },
  });
}

function fileInput(tensor) {
  const preview = element("img", { class: "preview", alt: "", hidden: true });
  const accept = { image: "image/png,image/jpeg,.png,.jpg", video: "image/gif,.gif" }[tensor.kind];
  const control = element("input", { type: "file", accept });
  const updatePreview = () => {
    URL.revokeObjectURL(preview.src);
    preview.hidden = !control.files.length;
    if (control.files.length) preview.src = URL.createObjectURL(control.files[0]);
  };
  control.addEventListener("change", updatePreview);
  preview.addEventListener("error", () => { preview.hidden = true; });
  return {
    control,
    after: [preview],
    value: async () => {
      if (!control.files.length) throw new Error(`${tensor.name}: choose a file first`);
      return { b64: await toBase64(control.files[0]) };
    },
    fill: (row) => {
      const bytes = Uint8Array.from(atob(row.b64), (letter) => letter.charCodeAt(0));
      const isJpeg = bytes[0] === 0xff;
      const transfer = new DataTransfer();  // the only way to set the files of an input
      transfer.items.add(new File([bytes], isJpeg ? "example.jpg" : "example.png"));
      control.files = transfer.files;
      updatePreview();
    },
  };
}

function toBase64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",", 2)[1] || "");
    reader.onerror = () => reject(new Error("the file cannot be read"));
    reader.readAsDataURL(file);
  });
}

function valuesInput(tensor) {
  const control = textArea(tensor.shape?.length === 0 ? 1 : 6);
  return {
    control,
    value: async () => parseValues(control.value.trim(), tensor),
    fill: (row) => {
      control.value = tensor.type === "string" ? JSON.stringify(row) : formatValues(row);
    },
  };
}

// A matrix with several columns as lines, everything else as one line.
function formatValues(row) {
  if (!Array.isArray(row)) return formatNumber(row);
  const hasColumns = row.some((item) => item.length > 1);
  const lines = row.map((item) => [item].flat(Infinity).map(formatNumber).join(" "));
  return lines.join(hasColumns ? "\n" : " ");
}

function formatNumber(value) {
  return String(typeof value === "number" ? Number(value.toPrecision(7)) : value);
}

// Sizes and ranges are validated by the server.
function parseValues(text, tensor) {
  if (/^[[{"]/.test(text)) {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new Error(`${tensor.name}: not JSON: ${error.message}`);
    }
  }
  const values = text.split(/[\s,;]+/).filter(Boolean).map((word) => parseWord(word, tensor));
  if (tensor.shape?.length === 0 && values.length === 1) return values[0];
  return (tensor.shape || []).slice(1).reverse().reduce(splitIntoGroups, values);
}

function parseWord(word, tensor) {
  if (tensor.type === "bool" && /^(true|false)$/.test(word)) return word === "true";
  if (Number.isNaN(Number(word))) throw new Error(`${tensor.name}: “${word}” is not a number`);
  return Number(word);
}

function splitIntoGroups(list, size) {
  if (!size) return [list];
  const starts = Array.from({ length: Math.ceil(list.length / size) }, (_, index) => index * size);
  return starts.map((start) => list.slice(start, start + size));
}
