// The token that a server beyond loopback asks for. It is kept for this tab only, and never in a URL.

import { element } from "./dom.js";

const KEY = "token";

export function authorization() {
  const token = sessionStorage.getItem(KEY);
  return token ? { authorization: `Bearer ${token}` } : {};
}

// A form that stores the token and calls `onToken`. The field is named for password managers.
export function createTokenForm(onToken) {
  const field = element("input", {
    type: "password", id: "token", autocomplete: "current-password", required: true,
  });
  const submit = (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, field.value.trim());
    field.value = "";
    onToken();
  };
  return element(
    "form", { class: "token", onsubmit: submit, "aria-label": "Token" },
    element("label", { for: "token" }, "Token"), field,
    element("button", { type: "submit" }, "Sign in"),
    element("p", { class: "hint" }, "One of those in the server's token file."),
  );
}
