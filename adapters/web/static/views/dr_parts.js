/** What the list of demand response events and one of them show alike. */

import { element } from "../modules/dom.js";
import { STATUS } from "../modules/dr_words.js";

/** A status as a chip; `name` where it is not that of an event. */
export const chip = (status, name = STATUS[status] ?? status) => element("span", { class: "chip", "data-state": status }, name);

/** Numbers with what they are; an empty one is left out. */
export function figures(entries) {
  return element("dl", { class: "figures" }, ...entries.filter(Boolean).map(([name, value, about]) => element("div", {}, element("dt", {}, name), element("dd", {}, value), about ? element("dd", { class: "about" }, about) : null)));
}

/** A table; on a narrow page each row stands by itself, unless it is `plain`: then it scrolls where it is too wide. */
export function table(label, heads, rows, plain = false) {
  const cells = (row) => row.map((cell, place) => element("td", { role: "cell", "data-head": heads[place] || null }, cell));
  return element("div", { class: plain ? "table" : "table stacked", tabindex: "0", role: "region", "aria-label": label }, element("table", { role: "table" },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads.map((head) => element("th", { scope: "col", role: "columnheader" }, head)))),
    element("tbody", { role: "rowgroup" }, ...rows.map((row) => element("tr", { role: "row" }, ...cells(row))))));
}

/** Names with what belongs to each. */
export const facts = (lines) => element("dl", { class: "facts" }, ...lines.filter(([, text]) => text).flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
