/** Meter files: the list with its filters, the collections, and one file in a dialog. */

import { element, find, say } from "../modules/dom.js";
import { ago, bytes, count, dateAndTime, daySpan, plural } from "../modules/format.js";
import { openFile, showOpenFile } from "./file.js";
import { chip, collectionLabel } from "./file_parts.js";
import { showScan, startScan } from "./scan.js";
import { startUploads } from "./upload.js";

const rows = new Map();
let collectionNames = null;

export function startFiles(store, api) {
  const model = store.meterFiles;
  // What cannot be asked for now is asked for again by the page's own round, which also says so.
  const choose = (filter) => { model.choose(filter).catch(() => { model.files ??= []; store.touch(); }); };
  find("files-status").addEventListener("change", (event) => choose({ status: event.target.value || null }));
  find("files-collection").addEventListener("change", (event) => choose({ collection: event.target.value || null }));
  find("more-files").addEventListener("click", () => model.more().catch(() => {}));
  find("file-list").addEventListener("click", (event) => {
    const row = event.target.closest("button.row");
    if (row) openFile(store, api, row.dataset.file);
  });
  find("collection-list").addEventListener("click", (event) => {
    const row = event.target.closest("button.row");
    if (!row) return;
    const chosen = model.filter.collection === row.dataset.collection ? null : row.dataset.collection;
    find("files-collection").value = chosen ?? "";
    choose({ collection: chosen });
    if (matchMedia("(max-width: 60rem)").matches) find("file-list").scrollIntoView({ block: "nearest" });
  });
  startScan(store, api);
  startUploads(store, api);
}

export function showFiles(store) {
  const model = store.meterFiles;
  showScan(store);
  showCollections(model);
  showList(store, model);
  showOpenFile(store);
}

function showList(store, model) {
  const list = find("file-list");
  const filtered = model.filter.status || model.filter.collection;
  say(find("files-count"), model.files?.length ? `${filtered ? `${count(model.total)} found` : plural(model.total, "file")}` : "");
  find("more-files").hidden = !model.files || model.files.length >= Math.min(model.total, 1000);
  if (!model.files?.length) {
    const text = !model.files ? "Loading" : filtered
      ? "No file is like that."
      : "No meter files yet. They appear when the FTP server is scanned, or when you upload one.";
    if (list.textContent !== text || list.querySelector("button")) list.replaceChildren(element("li", { class: "empty" }, text));
    return;
  }
  const wanted = model.files.map((file) => update(store, file));
  if (wanted.length !== list.children.length || wanted.some((row, place) => list.children[place] !== row)) {
    const focused = document.activeElement?.dataset?.file;
    list.replaceChildren(...wanted);
    if (focused && rows.get(focused)?.isConnected) rows.get(focused).firstChild.focus();
  }
}

function update(store, file) {
  if (!rows.has(file.file_id)) {
    rows.set(file.file_id, element("li", {}, element("button", { type: "button", class: "row file", "data-file": file.file_id },
      element("span", { class: "name" }), element("span"), element("span", { class: "about" }), element("span", { class: "age" }))));
  }
  const row = rows.get(file.file_id);
  const [name, state, about, age] = row.firstChild.children;
  say(name, file.path);
  if (state.dataset.status !== file.status) { state.dataset.status = file.status; state.replaceChildren(chip(file.status)); }
  say(about, aboutFile(file));
  about.classList.toggle("fault", file.status === "failed");
  const at = Date.parse(file.ended_at ?? file.started_at ?? file.discovered_at);
  say(age, ago(Math.max(0, (store.now() - at) / 1000)));
  age.title = dateAndTime(at);
  return row;
}

function aboutFile(file) {
  if (file.error) return file.error.detail;
  const { received, created, rejected } = file.receipt;
  const parts = [];
  if (file.status === "duplicate") parts.push("the same as another file");
  else if (received) parts.push(`${plural(received, "value")}${created ? `, ${count(created)} new` : ", none new"}`);
  if (rejected) parts.push(`${count(rejected)} refused`);
  if (file.status === "processing" && file.size) parts.push(`${Math.floor((100 * file.bytes_read) / file.size)} % of ${bytes(file.size)}`);
  else parts.push(bytes(file.size));
  if (file.first_time) parts.push(daySpan(file.first_time, file.last_time));
  return parts.join(" · ");
}

function showCollections(model) {
  if (!model.collections) return;
  const all = model.collections;
  const list = find("collection-list");
  const chosen = model.filter.collection;
  const told = JSON.stringify([all, chosen]);
  if (told === collectionNames) return;
  collectionNames = told;
  find("collection-names").replaceChildren(...all.map(({ name }) => element("option", { value: name })));
  const choice = find("files-collection");
  choice.replaceChildren(element("option", { value: "" }, "All"), ...all.map(({ name }) => element("option", { value: name }, collectionLabel(name))));
  choice.value = chosen ?? "";
  const focused = document.activeElement?.dataset?.collection;
  list.replaceChildren(...(all.length ? all.map((one) => collectionRow(one, chosen)) : [element("li", { class: "empty" }, "None yet. A folder becomes a collection with its first meter file.")]));
  if (focused) [...list.querySelectorAll("button")].find((row) => row.dataset.collection === focused)?.focus();
}

function collectionRow(one, chosen) {
  const parts = [plural(one.meters.length, "meter"), plural(one.readings, "reading")];
  if (one.first_time) parts.push(daySpan(one.first_time, one.last_time));
  return element("li", {}, element("button", { type: "button", class: "row file", "data-collection": one.name, "aria-pressed": String(one.name === chosen), "aria-current": one.name === chosen ? "true" : null, title: one.meters.slice(0, 50).join(", ") },
    element("span", { class: "name" }, collectionLabel(one.name)), element("span", { class: "age" }, plural(one.files, "file")),
    element("span", { class: "about" }, parts.join(" · "))));
}
