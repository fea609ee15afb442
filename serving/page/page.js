// The list of models, updated every few seconds.

import { groupTitle } from "./descriptions.js";
import { element, fetchJson } from "./dom.js";
import { createForms } from "./forms.js";
import { authorization, createTokenForm } from "./token.js";

const POLL_MS = 3000;
const cards = new Map();
const main = document.getElementById("models");
const status = document.getElementById("status");
const tokenForm = createTokenForm(poll);

async function poll() {
  try {
    const models = await fetchJson("/page/models", null, authorization());
    tokenForm.remove();
    showStatus(models.length ? "" : "No models yet. Models appear here once they are published.");
    updateCards(models);
  } catch (error) {
    if (error.status === 401 && !tokenForm.isConnected) status.after(tokenForm);
    showStatus(error.message);
  }
}

function showStatus(text) {
  if (status.textContent !== text) status.textContent = text;
}

function updateCards(models) {
  const names = new Set(models.map((model) => model.name));
  for (const [name, card] of cards) {
    if (!names.has(name)) {
      card.node.remove();
      cards.delete(name);
    }
  }
  for (const model of models) {
    if (!cards.has(model.name)) cards.set(model.name, createCard(model.name));
    const { node, update } = cards.get(model.name);
    const section = findSection(groupTitle(model));
    if (node.parentNode !== section) section.append(node);
    update(model);
  }
  for (const section of main.querySelectorAll("section")) {
    if (!section.querySelector("details")) section.remove();
  }
  if (!isFirstOpened) openFirst();
}

let isFirstOpened = false;

// Opens the model named in the URL after #; without one, the only model.
function openFirst() {
  isFirstOpened = true;
  const name = decodeURIComponent(location.hash.slice(1));
  const card = cards.get(name) || (cards.size === 1 ? [...cards.values()][0] : null);
  if (!card) return;
  card.node.open = true;
  card.node.scrollIntoView();
}

// The section with this title, created in alphabetical order.
function findSection(title) {
  const sections = [...main.children];
  const existing = sections.find((section) => section.dataset.title === title);
  if (existing) return existing;
  const section = element("section", { "data-title": title }, element("h2", {}, title));
  const next = sections.find((other) => other.dataset.title > title);
  main.insertBefore(section, next || null);
  return section;
}

function createCard(name) {
  const chips = element("span", { class: "states" });
  const failures = element("ul", { class: "failures" });
  const forms = element("div", { class: "forms" });
  const node = element(
    "details", { class: "model" },
    element("summary", {}, element("span", { class: "title" }, name), chips),
    failures, forms,
  );
  let shownVersions = "";
  let shownForms = "";
  // Replaces only what has changed, so that text being typed is not lost.
  const update = (model) => {
    const versions = JSON.stringify([model.versions, model.labels]);
    if (versions !== shownVersions) {
      shownVersions = versions;
      chips.replaceChildren(...model.versions.map((version) => versionChip(version, model.labels)));
      failures.replaceChildren(...model.versions.filter(({ error }) => error).map(failureItem));
    }
    const form = JSON.stringify([model.signatures, model.classes, model.examples]);
    if (form !== shownForms) {
      shownForms = form;
      forms.replaceChildren(...createForms(model));
    }
  };
  return { node, update };
}

function versionChip({ version, state, error }, labels) {
  const names = Object.keys(labels).filter((label) => labels[label] === version).sort();
  const suffix = names.length ? ` (${names.join(", ")})` : "";
  const description = error ? "failed" : state.toLowerCase();
  const text = `version ${version}${suffix}: ${description}`;
  return element("span", { class: `chip ${error ? "FAILED" : state}` }, text);
}

function failureItem({ version, error }) {
  return element("li", { class: "error" }, `Version ${version} is not served: ${error}`);
}

poll();
setInterval(() => document.hidden || poll(), POLL_MS);
