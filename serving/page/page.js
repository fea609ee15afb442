// The list of models, kept fresh.

import { ask, element } from "./dom.js";
import { forms } from "./trial.js";
import { task } from "./words.js";

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
  const failures = element("ul", { class: "failures" });
  const trial = element("div", { class: "trial" });
  const node = element(
    "details", { class: "model" },
    element("summary", {}, element("span", { class: "title" }, name), state),
    failures, trial,
  );
  let shape = "";
  let held = "";
  const update = (model) => {
    const now = JSON.stringify([model.versions, model.labels]);
    if (now !== held) {
      held = now;
      state.replaceChildren(...model.versions.map((each) => chip(each, model.labels)));
      failures.replaceChildren(...model.versions.filter(({ error }) => error).map(line));
    }
    const form = JSON.stringify([model.signatures, model.classes, model.examples]);
    if (form !== shape) {
      shape = form;
      trial.replaceChildren(...forms(model));
    }
  };
  return { node, update };
}

function chip({ version, state, error }, labels) {
  const named = Object.keys(labels).filter((label) => labels[label] === version).sort();
  const label = named.length ? ` (${named.join(", ")})` : "";
  const about = error ? "failed" : state.toLowerCase();
  return element(
    "span", { class: `chip ${error ? "FAILED" : state}` }, `version ${version}${label}: ${about}`,
  );
}

function line({ version, error }) {
  return element("li", { class: "error" }, `Version ${version} is not served: ${error}`);
}

look();
setInterval(() => document.hidden || look(), POLL_MS);
