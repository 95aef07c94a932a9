/** What the list of meter files, one of them and an upload show alike. */

import { element } from "../modules/dom.js";
import { count } from "../modules/format.js";

const WORDS = { discovered: "waiting" };

export const chip = (status) => element("span", { class: "chip", "data-state": status }, WORDS[status] ?? status);
export const collectionLabel = (name) => (name === "/" ? "/ (the root)" : name);

/** The five numbers of a receipt. */
export function figures(receipt) {
  const names = ["received", "created", "updated", "unchanged", "rejected"];
  return element("dl", { class: "figures" }, ...names.map((name) => element("div", {}, element("dt", {}, name), element("dd", {}, count(receipt[name])))));
}

/** Lines that were refused, with their numbers. */
export function rejectsTable(items) {
  return element("div", { class: "rejects", tabindex: "0", role: "region", "aria-label": "Refused lines" },
    element("table", {},
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Line"), element("th", { scope: "col" }, "Why"), element("th", { scope: "col" }, "Text"))),
      element("tbody", {}, ...items.map((one) => element("tr", {}, element("td", {}, count(one.line)), element("td", {}, one.detail), element("td", {}, element("code", {}, one.text)))))));
}
