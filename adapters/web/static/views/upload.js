/** Uploads: what is in a file is shown first (a dry run), and stored when somebody says so. */

import { element, find } from "../modules/dom.js";
import { bytes, daySpan, plural } from "../modules/format.js";
import { openFile } from "./file.js";
import { collectionLabel, figures, rejectsTable } from "./file_parts.js";

const SHOWN_NAMES = 6;

export function startUploads(store, api) {
  const drop = find("drop");
  const chosen = find("upload-file");
  const take = (files) => { for (const file of files) new Upload(store, api, file, find("upload-collection").value.trim()).look(); };
  chosen.addEventListener("change", () => { take([...chosen.files]); chosen.value = ""; });
  let depth = 0;
  const over = (change) => { depth = Math.max(0, depth + change); drop.dataset.over = String(depth > 0); };
  drop.addEventListener("dragenter", (event) => { if (hasFiles(event)) { event.preventDefault(); over(1); } });
  drop.addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
  drop.addEventListener("dragleave", (event) => { if (hasFiles(event)) over(-1); });
  drop.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    over(0);
    take([...event.dataTransfer.files]);
  });
  // A file that misses the panel is not to replace the page.
  for (const name of ["dragover", "drop"]) addEventListener(name, (event) => { if (hasFiles(event)) event.preventDefault(); });
}

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

class Upload {
  #store; #api; #file; #collection; #row = element("li", { class: "upload" });

  constructor(store, api, file, collection) {
    this.#store = store;
    this.#api = api;
    this.#file = file;
    this.#collection = collection;
    find("uploads").prepend(this.#row);
  }

  async look() {
    this.#show(this.#busy("Looking at what is in it"));
    try {
      const preview = await this.#send({ dry_run: true });
      this.#show(...this.#preview(preview));
    } catch (error) {
      this.#fail(error, () => this.look());
    }
  }

  async #keep() {
    this.#show(this.#busy("Storing it"));
    try {
      const file = await this.#send({});
      this.#store.meterFiles.refresh().catch(() => {});
      this.#show(
        element("p", { role: "status" }, outcome(file)),
        this.#actions(element("button", { type: "button", class: "secondary", onclick: () => openFile(this.#store, this.#api, file.file_id) }, "Open"), this.#away("Close")));
    } catch (error) {
      this.#fail(error, () => this.#keep());
    }
  }

  #send(query) {
    const form = new FormData();
    form.append("collection", this.#collection);
    form.append("file", this.#file, this.#file.name);
    return this.#api.post("/ingestion/files", query, form);
  }

  #show(...parts) {
    this.#row.replaceChildren(
      element("div", { class: "head" }, element("span", { class: "name" }, this.#file.name), element("span", { class: "hint" }, `${bytes(this.#file.size)} · ${collectionLabel(this.#collection || "/")}`)),
      ...parts.filter(Boolean));
  }

  #busy(text) { return element("div", { role: "status" }, element("progress", { "aria-label": text }), element("p", { class: "hint" }, text)); }

  #actions(...buttons) { return element("div", { class: "actions" }, ...buttons.filter(Boolean)); }

  #away(text) { return element("button", { type: "button", class: "quiet", onclick: () => this.#row.remove() }, text); }

  #fail(error, again) {
    const may = !error.notAllowed;
    this.#show(
      element("p", { class: "error", role: "alert" }, error.message),
      this.#actions(may && error.status < 400 ? element("button", { type: "button", class: "secondary", onclick: again }, "Try again") : null, this.#away("Discard")));
  }

  #preview(preview) {
    const refused = preview.receipt.rejected;
    const unread = preview.error && preview.receipt.received === refused;
    return [
      preview.duplicate_of ? element("p", { class: "hint" }, "There is a file with the same content already.") : null,
      preview.error ? element("p", { class: "error", role: "alert" }, preview.error.detail) : null,
      element("div", { role: "status" }, figures(preview.receipt)),
      element("p", { class: "hint" }, [names(preview.meters, "meter"), plural(preview.sensors.length, "sensor"), preview.first_time && daySpan(preview.first_time, preview.last_time)].filter(Boolean).join(" · ")),
      refused && preview.errors.length ? element("details", {}, element("summary", {}, preview.errors.length < refused ? `The first ${preview.errors.length} refused lines` : "Refused lines"), rejectsTable(preview.errors)) : null,
      this.#actions(unread ? null : element("button", { type: "button", class: "primary", onclick: () => this.#keep() }, "Store it"), this.#away("Discard")),
    ];
  }
}

function names(all, one) {
  const more = all.length - SHOWN_NAMES;
  return all.length ? `${plural(all.length, one)}: ${all.slice(0, SHOWN_NAMES).join(", ")}${more > 0 ? ` and ${more} more` : ""}` : "no meter";
}

function outcome(file) {
  if (file.error) return `Not read: ${file.error.detail}`;
  if (file.status === "duplicate") return "Kept as a duplicate of another file: nothing new was stored.";
  const { created, updated, rejected } = file.receipt;
  return [`Stored: ${plural(created, "new value")}`, updated && `${updated} changed`, rejected && `${rejected} refused`].filter(Boolean).join(", ") + ".";
}
