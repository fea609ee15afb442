// A form for each signature of a model, with the prediction or the error message below it.

import { describeTensors } from "./descriptions.js";
import { element, errorMessage, fetchJson } from "./dom.js";
import { createField } from "./fields.js";
import { renderPrediction } from "./prediction.js";
import { createTextForm } from "./text_form.js";
import { authorization } from "./token.js";

const STREAMED = "generate, as it is made";

export function createForms(model) {
  if (!model.signatures.length) return [element("p", {}, "No version is available at present.")];
  const container = element("div");
  const creators = new Map(model.signatures.map(
    (signature) => [signature.name, () => createForm(model, signature)],
  ));
  const names = [...creators.keys()];
  if (model.parameters) {
    names.unshift(STREAMED);
    creators.set(STREAMED, () => createTextForm(model));
  }
  const select = (name) => container.replaceChildren(creators.get(name)());
  select(names[0]);
  if (names.length === 1) return [container];
  const menu = element(
    "select", { onchange: (event) => select(event.target.value) },
    ...names.map((name) => element("option", { value: name }, name)),
  );
  return [element("label", { class: "choice" }, "Signature ", menu), container];
}

function createForm(model, signature) {
  const fields = signature.inputs.map((input) => ({ input, ...createField(input) }));
  const prediction = element("div", { class: "prediction", "aria-live": "polite" });
  const button = element("button", { type: "submit" }, "Predict");
  const buttons = element("p", { class: "buttons" }, button);
  if (model.examples && signature === model.signatures[0]) {
    buttons.append(" ", exampleButton(model, fields, prediction));
  }
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    prediction.setAttribute("aria-busy", "true");
    prediction.replaceChildren(...await predict(model, signature, fields));
    prediction.removeAttribute("aria-busy");
    button.disabled = false;
  };
  return element(
    "form", { onsubmit: submit, "aria-label": model.name },
    element("p", { class: "signature" },
      "Inputs: ", element("em", {}, describeTensors(signature.inputs)),
      ". Outputs: ", element("em", {}, describeTensors(signature.outputs)), "."),
    ...fields.map(({ node }) => node), buttons, prediction,
  );
}

function exampleButton(model, fields, prediction) {
  let examples = null;
  let row = 0;
  const fillNext = async () => {
    try {
      const url = `/page/models/${encodeURIComponent(model.name)}/examples`;
      examples ??= await fetchJson(url, null, authorization());
      for (const { input, fill } of fields) fill(examples[input.name][row]);
      row = (row + 1) % examples[fields[0].input.name].length;
      prediction.replaceChildren();
    } catch (error) {
      prediction.replaceChildren(errorMessage(error));
    }
  };
  return element("button", { type: "button", class: "second", onclick: fillNext }, "Try an example");
}

// The nodes to show: the prediction, or an error message.
async function predict(model, signature, fields) {
  try {
    const inputs = {};
    const columns = {};
    for (const { input, value } of fields) {
      inputs[input.name] = await value();
      columns[input.name] = input.batched ? [inputs[input.name]] : inputs[input.name];
    }
    const url = `/v1/models/${encodeURIComponent(model.name)}:predict`;
    const startedAt = performance.now();
    const body = { inputs: columns, signature_name: signature.name };
    const { outputs } = await fetchJson(url, body, authorization());
    const milliseconds = Math.max(1, Math.round(performance.now() - startedAt));
    const time = element("p", { class: "time" }, `Predicted in ${milliseconds} ms.`);
    return [...renderPrediction(firstRow(outputs, signature), inputs, signature, model), time];
  } catch (error) {
    return [errorMessage(error)];
  }
}

// {output: its first row}. The REST interface omits the name of a single output.
function firstRow(outputs, signature) {
  const isSingle = signature.outputs.length === 1;
  return Object.fromEntries(signature.outputs.map(({ name, batched }) => {
    const column = isSingle ? outputs : outputs[name];
    return [name, batched ? column[0] : column];
  }));
}
