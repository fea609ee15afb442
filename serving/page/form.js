// A form fit for a signature: one field for each input, which knows the value to send.

import { element } from "./dom.js";
import { isFile, size } from "./words.js";

let made = 0;

// {node, value: () => what to send, fill: (a row of examples) => void}
export function field(tensor, model) {
  const id = `field-${++made}`;
  const make = isFile(tensor) && !tensor.shape?.length ? file : isPlainText(tensor) ? text : values;
  const { control, value, fill, after = [] } = make(tensor, id);
  control.id = id;
  control.setAttribute("aria-describedby", `${id}-hint`);
  const hint = element("p", { class: "hint", id: `${id}-hint` }, said(tensor, model));
  const label = element("label", { for: id }, tensor.name.replaceAll("_", " "));
  return { node: element("div", { class: "field" }, label, control, ...after, hint), value, fill };
}

function said(tensor, model) {
  if (isFile(tensor)) return "A picture: JPEG or PNG.";
  if (isPlainText(tensor)) return "Enter asks, Shift+Enter makes a new line.";
  const forecast = model.task === "forecasting";
  const unit = tensor.unit || (forecast ? "the unit of the training data" : "");
  const order = forecast ? ", oldest first" : "";
  const what = `${size(tensor)}${unit && ` in ${unit}`}${order}`;
  return `${what}; between them spaces, commas or new lines. Enter asks.`;
}

function isPlainText(tensor) {
  return tensor.type === "string" && tensor.shape?.length === 0;
}

function text() {
  const control = area(3);
  return {
    control,
    value: async () => control.value,
    fill: (row) => { control.value = row; },
  };
}

function area(rows) {
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

function file(tensor) {
  const picture = element("img", { class: "preview", alt: "", hidden: true });
  const control = element("input", { type: "file", accept: "image/png,image/jpeg,.png,.jpg" });
  const show = () => {
    URL.revokeObjectURL(picture.src);
    picture.hidden = !control.files.length;
    if (control.files.length) picture.src = URL.createObjectURL(control.files[0]);
  };
  control.addEventListener("change", show);
  picture.addEventListener("error", () => { picture.hidden = true; });
  return {
    control,
    after: [picture],
    value: async () => {
      if (!control.files.length) throw new Error(`${tensor.name}: choose a file first`);
      return { b64: await base64(control.files[0]) };
    },
    fill: (row) => {
      const bytes = Uint8Array.from(atob(row.b64), (letter) => letter.charCodeAt(0));
      const held = new DataTransfer();
      held.items.add(new File([bytes], bytes[0] === 0xff ? "example.jpg" : "example.png"));
      control.files = held.files;
      show();
    },
  };
}

function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",", 2)[1] || "");
    reader.onerror = () => reject(new Error("the file cannot be read"));
    reader.readAsDataURL(blob);
  });
}

function values(tensor) {
  const scalar = tensor.shape?.length === 0;
  const control = area(scalar ? 1 : 6);
  return {
    control,
    value: async () => parsed(control.value.trim(), tensor),
    fill: (row) => {
      control.value = tensor.type === "string" ? JSON.stringify(row) : written(row);
    },
  };
}

// A table of several columns as lines, anything else as one line.
function written(row) {
  if (!Array.isArray(row)) return short(row);
  const lines = row.some((each) => each.length > 1);
  return row.map((each) => [each].flat(Infinity).map(short).join(" ")).join(lines ? "\n" : " ");
}

function short(number) {
  return String(typeof number === "number" ? Number(number.toPrecision(7)) : number);
}

// Whether there are enough, and whether they are good ones, is for the server to say.
function parsed(text, tensor) {
  if (/^[[{"]/.test(text)) {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new Error(`${tensor.name}: not JSON: ${error.message}`);
    }
  }
  const found = text.split(/[\s,;]+/).filter(Boolean).map((word) => one(word, tensor));
  if (tensor.shape?.length === 0 && found.length === 1) return found[0];
  return (tensor.shape || []).slice(1).reverse().reduce(grouped, found);
}

function one(word, tensor) {
  if (tensor.type === "bool" && /^(true|false)$/.test(word)) return word === "true";
  if (Number.isNaN(Number(word))) throw new Error(`${tensor.name}: “${word}” is not a number`);
  return Number(word);
}

function grouped(list, size) {
  if (!size) return [list];
  const starts = Array.from({ length: Math.ceil(list.length / size) }, (_, place) => place * size);
  return starts.map((first) => list.slice(first, first + size));
}
