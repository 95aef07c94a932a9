/** One meter file in a dialog: what it is, its receipt, and the lines that were refused. */

import { element, find } from "../modules/dom.js";
import { bytes, count, dateAndTime, daySpan, plural } from "../modules/format.js";
import { chip, collectionLabel, figures, rejectsTable } from "./file_parts.js";

const SHOWN = 100;
const ORIGINS = { ftp: "found on the FTP server", upload: "uploaded", import: "imported on the command line" };
let opened = null;

export async function openFile(store, api, fileId) {
  const dialog = find("file-dialog");
  opened = { fileId, file: null, rejects: null, complaint: null, store, api };
  draw();
  if (!dialog.open) dialog.showModal();
  await load(opened);
}

/** Follow the file while it is being read: the list is asked for again, and says when it went on. */
export function showOpenFile(store) {
  if (!opened?.file || !find("file-dialog").open) return;
  const newer = store.meterFiles.files?.find((file) => file.file_id === opened.fileId);
  if (newer && JSON.stringify(newer) !== JSON.stringify(opened.file)) load(opened);
}

async function load(one) {
  if (one.loading) return;
  one.loading = true;
  try {
    const path = `/ingestion/files/${one.fileId}`;
    const [file, rejects] = await Promise.all([one.api.get(path), one.api.get(`${path}/rejects`, { limit: SHOWN })]);
    Object.assign(one, { file, rejects });
  } catch (error) {
    one.complaint = error.message;
  }
  one.loading = false;
  if (one === opened) draw();
}

async function readAgain() {
  const one = opened;
  try {
    one.complaint = null;
    one.file = await one.api.post(`/ingestion/files/${one.fileId}/reprocess`);
    one.store.meterFiles.refresh().catch(() => {});
  } catch (error) {
    one.complaint = error.message;
  }
  if (one === opened) draw();
}

function draw() {
  const { file, rejects, complaint } = opened;
  const close = element("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => find("file-dialog").close() }, "✕");
  const busy = file && (file.status === "processing" || file.status === "discovered");
  find("file-dialog").replaceChildren(
    element("div", { class: "head" }, element("h2", { id: "file-title" }, file?.path ?? "Meter file"), close),
    ...(file ? [
      element("p", {}, chip(file.status)),
      file.error && element("p", { class: "error" }, file.error.detail),
      figures(file.receipt),
      facts(file),
      rejected(file, rejects),
    ].filter(Boolean) : complaint ? [] : [element("p", { class: "hint" }, "Loading")]),
    element("p", { class: "error", role: "alert", hidden: !complaint }, complaint ?? ""),
    ...(file ? [element("div", { class: "actions" },
      element("button", { type: "button", class: "secondary", disabled: busy, onclick: readAgain }, busy ? "Will be read" : "Read again"))] : []),
  );
}

function facts(file) {
  const lines = [
    ["Collection", collectionLabel(file.collection)],
    ["Readings", file.first_time && daySpan(file.first_time, file.last_time)],
    ["Size", `${bytes(file.size)}${file.lines ? `, ${plural(file.lines, "line")}` : ""}`],
    ["Came", `${ORIGINS[file.origin] ?? file.origin}, ${dateAndTime(Date.parse(file.discovered_at))}`],
    ["Read", file.ended_at && dateAndTime(Date.parse(file.ended_at))],
    ["SHA-256", file.sha256],
  ].filter(([, text]) => text);
  const list = element("dl", { class: "facts" }, ...lines.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
  if (file.duplicate_of) {
    const { store, api } = opened;
    list.append(element("dt", {}, "The same as"), element("dd", {}, element("button", { type: "button", class: "secondary", onclick: () => openFile(store, api, file.duplicate_of) }, "Open the first one")));
  }
  return list;
}

function rejected(file, rejects) {
  if (!rejects?.total) return file.receipt.rejected ? element("p", { class: "hint" }, "The refused lines are not there any more.") : null;
  const more = rejects.total - rejects.items.length;
  return element("section", {},
    element("h3", {}, `Refused: ${count(rejects.total)}`),
    rejectsTable(rejects.items),
    more > 0 ? element("p", { class: "hint" }, `and ${count(more)} more`) : null);
}
