// The form of a model that makes texts token by token, which appear as they are made.

import { count, element, errorMessage } from "./dom.js";
import { fetchEvents } from "./event_stream.js";
import { textArea } from "./fields.js";
import { authorization } from "./token.js";

// Sliders of parameters that are known: [label, smallest, largest unless the model says, step, hint].
const SLIDERS = {
  max_tokens: ["Length", 1, 1024, 1, "tokens at most"],
  temperature: ["Temperature", 0, 2, 0.05, "0: always the most probable token"],
  top_k: ["Top-k", 0, 200, 1, "the k most probable tokens remain; 0: all"],
  top_p: ["Top-p", 0, 1, 0.01, "the most probable tokens of this share remain; 1: all"],
};
let formCount = 0;

export function createTextForm(model) {
  const id = `text-${++formCount}`;
  const prompt = textArea(3);
  prompt.id = id;
  const parameters = model.parameters.map((parameter) => createParameter(parameter, id));
  const write = element("button", { type: "submit" }, "Write");
  const stop = element("button", { type: "button", class: "second", disabled: true }, "Stop");
  const output = element("div", { class: "prediction", "aria-live": "polite" });
  let controller = null;
  stop.addEventListener("click", () => controller.abort());
  const submit = async (event) => {
    event.preventDefault();
    if (controller) return;  // Enter, while a text is made
    controller = new AbortController();
    [write.disabled, stop.disabled] = [true, false];
    output.setAttribute("aria-busy", "true");
    const values = Object.fromEntries(parameters.flatMap(({ entry }) => entry()));
    await show(output, model, prompt.value, values, controller.signal);
    output.removeAttribute("aria-busy");
    [write.disabled, stop.disabled] = [false, true];
    controller = null;
  };
  return element(
    "form", { onsubmit: submit, "aria-label": model.name },
    element(
      "div", { class: "field" },
      element("label", { for: id }, "prompt"), prompt,
      element("p", { class: "hint" }, "What the text continues; may be empty. Press Enter to write."),
    ),
    element("div", { class: "parameters" }, ...parameters.map(({ node }) => node)),
    element("p", { class: "buttons" }, write, " ", stop), output,
  );
}

// {node, entry: () => [[name, value]], or [] for the default}
function createParameter({ name, default: initial, maximum }, form) {
  const id = `${form}-${name}`;
  const [label, least, most, step, hint] = SLIDERS[name] ||
    [name.replaceAll("_", " "), null, null, "any", "empty: chosen by the server"];
  const isSlider = least !== null;
  const shown = element("output", { for: id });
  const control = isSlider
    ? element("input", { type: "range", id, min: least, max: maximum ?? most, step })
    : element("input", { type: "number", id, step });
  const update = () => { shown.value = control.value; };
  control.addEventListener("input", update);
  if (isSlider) {
    control.value = initial;
    update();
  }
  const node = element(
    "div", { class: "parameter", title: hint },
    element("label", { for: id }, label, " ", ...(isSlider ? [shown] : [])), control,
  );
  return { node, entry: () => (control.value === "" ? [] : [[name, Number(control.value)]]) };
}

// Fills the output while the text is made; ends when it is whole, stopped, or fails.
async function show(output, model, prompt, parameters, signal) {
  const made = element("span", { class: "made" });
  const note = element("p", { class: "time" });
  output.replaceChildren(element("p", { class: "text" }, prompt, made), note);
  const url = `/v2/models/${encodeURIComponent(model.name)}/generate_stream`;
  const body = { text_input: prompt, parameters };
  const startedAt = performance.now();
  try {
    for await (const event of fetchEvents(url, body, authorization(), signal)) {
      made.append(event.text_output);
      if (event.finish_reason) note.textContent = describe(event, performance.now() - startedAt);
    }
  } catch (error) {
    if (signal.aborted) note.textContent = "Stopped.";
    else output.append(errorMessage(error));
  }
}

function describe(last, milliseconds) {
  const rate = Math.round(last.tokens / (milliseconds / 1000));
  const sentences = [
    `${count(last.tokens, "token")} in ${(milliseconds / 1000).toFixed(1)} s (${rate} a second)`,
    last.finish_reason === "stop" ? "the text ended" : "cut at the length",
  ];
  if ("seed" in last) sentences.push(`seed ${last.seed}`);
  if (last.unknown_tokens) sentences.push(`${count(last.unknown_tokens, "token")} of the prompt unknown`);
  if (last.truncated) sentences.push(`the last ${last.prompt_tokens} tokens of the prompt were read`);
  return `${sentences.join("; ")}.`;
}
