// A mask laid over the image that it was predicted for, with a slider.

import { element } from "./dom.js";
import { percent } from "./tables.js";

const START_PERCENT = 50;
const MAX_SHARES = 20;

// file: {b64: a PNG with a palette}. image: {b64: the request's file}, if there is one.
// shares: of the pixels, by class, if there are any.
export function overlay(name, file, image, shares, classes) {
  const mask = element("img", {
    class: "overlay-mask", alt: `${name}: the class of each pixel`, src: dataUrl(file.b64),
  });
  mask.style.opacity = image ? START_PERCENT / 100 : 1;
  const layers = image?.b64
    ? [element("img", { alt: "the image", src: dataUrl(image.b64) }), mask] : [mask];
  const slider = element("input", {
    type: "range", min: 0, max: 100, value: START_PERCENT, "aria-label": "how opaque the mask is",
    oninput: (event) => { mask.style.opacity = event.target.value / 100; },
  });
  const link = element("a", { href: mask.src, download: "mask.png" }, "Save the mask");
  return element(
    "figure", { class: "overlay" },
    element("figcaption", {}, name.replaceAll("_", " ")),
    element("div", { class: "layers" }, ...layers),
    ...(image?.b64 ? [element("label", { class: "choice" }, "Image ", slider, " mask")] : []),
    legend(shares || [], classes), link,
  );
}

// The classes with their colours, the largest share first; those without a pixel are left out.
function legend(shares, classes) {
  const present = shares
    .map((share, index) => [share, index])
    .filter(([share]) => share > 0)
    .sort(([first], [second]) => second - first)
    .slice(0, MAX_SHARES);
  return element("ul", { class: "legend" }, ...present.map(([share, index]) => {
    const swatch = element("span", { class: "swatch" });
    swatch.style.background = paletteColor(index);
    return element("li", {}, swatch, `${classes[index] ?? `class ${index}`} ${percent(share)}`);
  }));
}

// The palette of PASCAL VOC's masks, which the PNG has.
export function paletteColor(index) {
  const channel = (offset) => {
    let value = 0;
    for (let bit = 0; bit < 8; bit += 1) value |= ((index >> (3 * bit + offset)) & 1) << (7 - bit);
    return value;
  };
  return `rgb(${channel(0)} ${channel(1)} ${channel(2)})`;
}

function dataUrl(base64) {
  const type = base64.startsWith("/9j/") ? "jpeg" : "png";
  return `data:image/${type};base64,${base64}`;
}
