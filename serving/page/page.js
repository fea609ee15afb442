// The list of models, kept fresh, with a form for each that answers.

import { shown } from "./answer.js";
import { ask, count, element } from "./dom.js";
import { field } from "./form.js";
import { side, task } from "./words.js";

const POLL_MS = 3000;
const cards = new Map();
const main = document.getElementById("models");
const news = document.getElementById("news");

async function look() {
  try {
    const models = await ask("/page/models");
    say(models.length ? "" : "No models yet; what is put into the tree appears here.");
    arrange(models);
  } catch (error) {
    say(error.message);
  }
}

function say(text) {
  if (news.textContent !== text) news.textContent = text;
}

function arrange(models) {
  const names = new Set(models.map((model) => model.name));
  for (const [name, card] of cards) {
    if (!names.has(name)) {
      card.node.remove();
      cards.delete(name);
    }
  }
  for (const model of models) {
    if (!cards.has(model.name)) cards.set(model.name, card(model.name));
    const { node, update } = cards.get(model.name);
    const group = section(task(model));
    if (node.parentNode !== group) group.append(node);
    update(model);
  }
  for (const group of main.querySelectorAll("section")) {
    if (!group.querySelector("details")) group.remove();
  }
  if (!opened) openNamed();
}

let opened = false;

// A link to #a-model's-name opens it; without, a lone model is open.
function openNamed() {
  opened = true;
  const wanted = decodeURIComponent(location.hash.slice(1));
  const found = cards.get(wanted) || (cards.size === 1 ? [...cards.values()][0] : null);
  if (!found) return;
  found.node.open = true;
  found.node.scrollIntoView();
}

function section(title) {
  for (const found of main.children) if (found.dataset.title === title) return found;
  const made = element("section", { "data-title": title }, element("h2", {}, title));
  const after = [...main.children].find((each) => each.dataset.title > title);
  main.insertBefore(made, after || null);
  return made;
}

function card(name) {
  const state = element("span", { class: "states" });
  const versions = element("ul", { class: "versions" });
  const trial = element("div", { class: "trial" });
  const node = element(
    "details", { class: "model" },
    element("summary", {}, element("span", { class: "title" }, name), state),
    versions, trial,
  );
  let shape = "";
  let held = "";
  const update = (model) => {
    const now = JSON.stringify([model.versions, model.labels]);
    if (now !== held) {
      held = now;
      state.replaceChildren(...model.versions.map(chip));
      versions.replaceChildren(...model.versions.map((version) => line(version, model.labels)));
    }
    const form = JSON.stringify([model.signatures, model.classes, model.examples]);
    if (form !== shape) {
      shape = form;
      trial.replaceChildren(...forms(model));
    }
  };
  return { node, update };
}

function chip({ version, state, error }) {
  const kind = error ? "FAILED" : state;
  const about = error ? "failed" : state.toLowerCase();
  return element("span", { class: `chip ${kind}` }, `version ${version}: ${about}`);
}

function line({ version, state, error }, labels) {
  const named = Object.keys(labels).filter((label) => labels[label] === version);
  const label = named.length ? `, labelled ${named.sort().join(", ")}` : "";
  const why = error ? [element("span", { class: "error" }, ` ${error}`)] : [];
  return element("li", {}, `Version ${version} is in state ${state}${label}.`, ...why);
}

function forms(model) {
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
  const label = element("label", { class: "choice" }, `One of ${count(model.signatures.length, "signature")} `, choice);
  return [label, place];
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

look();
setInterval(() => document.hidden || look(), POLL_MS);
