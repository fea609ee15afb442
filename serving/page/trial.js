// Trying a model: a form for each signature, and below it the answer or why there is none.

import { shown } from "./answer.js";
import { ask, element } from "./dom.js";
import { field } from "./form.js";
import { side } from "./words.js";

export function forms(model) {
  if (!model.signatures.length) return [element("p", {}, "No version answers at present.")];
  const place = element("div");
  const use = (name) => place.replaceChildren(
    form(model, model.signatures.find((each) => each.name === name)),
  );
  use(model.signatures[0].name);
  if (model.signatures.length === 1) return [place];
  const choice = element(
    "select", { onchange: (event) => use(event.target.value) },
    ...model.signatures.map(({ name }) => element("option", { value: name }, name)),
  );
  const label = `One of ${model.signatures.length} signatures `;
  return [element("label", { class: "choice" }, label, choice), place];
}

function form(model, signature) {
  const fields = signature.inputs.map((input) => [input, field(input, model)]);
  const answer = element("div", { class: "answer", "aria-live": "polite" });
  const button = element("button", { type: "submit" }, "Ask");
  const buttons = element("p", { class: "buttons" }, button);
  if (model.examples && signature === model.signatures[0]) {
    buttons.append(" ", exampleButton(model, fields, answer));
  }
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    answer.setAttribute("aria-busy", "true");
    answer.replaceChildren(...await answered(model, signature, fields));
    answer.removeAttribute("aria-busy");
    button.disabled = false;
  };
  return element(
    "form", { onsubmit: submit, "aria-label": model.name },
    element("p", { class: "signature" }, "Takes ", element("em", {}, side(signature.inputs)),
      ". Gives ", element("em", {}, side(signature.outputs)), "."),
    ...fields.map(([, { node }]) => node), buttons, answer,
  );
}

function exampleButton(model, fields, answer) {
  let examples = null;
  let row = 0;
  const fill = async () => {
    try {
      examples ??= await ask(`/page/models/${encodeURIComponent(model.name)}/examples`);
      for (const [input, each] of fields) each.fill(examples[input.name][row]);
      row = (row + 1) % examples[fields[0][0].name].length;
      answer.replaceChildren();
    } catch (error) {
      answer.replaceChildren(failure(error));
    }
  };
  return element("button", { type: "button", class: "second", onclick: fill }, "Try an example");
}

// What to show: the answer, or why there is none.
async function answered(model, signature, fields) {
  try {
    const asked = {};
    const rows = {};
    for (const [input, each] of fields) {
      asked[input.name] = await each.value();
      rows[input.name] = input.batched ? [asked[input.name]] : asked[input.name];
    }
    const url = `/v1/models/${encodeURIComponent(model.name)}:predict`;
    const began = performance.now();
    const { outputs } = await ask(url, { inputs: rows, signature_name: signature.name });
    const took = Math.max(1, Math.round(performance.now() - began));
    const time = element("p", { class: "time" }, `Answered in ${took} ms.`);
    return [...shown(ofOneRow(outputs, signature), asked, model), time];
  } catch (error) {
    return [failure(error)];
  }
}

function failure(error) {
  return element("p", { class: "error" }, error.message);
}

// A lone output comes without its name.
function ofOneRow(outputs, signature) {
  const lone = signature.outputs.length === 1;
  return Object.fromEntries(signature.outputs.map(({ name, batched }) => {
    const column = lone ? outputs : outputs[name];
    return [name, batched ? column[0] : column];
  }));
}
