/** The configuration of the devices: the document, a check of it, its versions. */

import { element, find, say } from "../modules/dom.js";
import { dateAndTime, plural } from "../modules/format.js";

const PATH = "/ingestion/config";
const SHOWN_NAMES = 8;
const ORIGINS = { file: "from the file", api: "saved here or over the API", restore: "restored" };

export function startConfiguration(store, api, changed) {
  const panel = new Panel(store, api, changed);
  find("configure").addEventListener("click", () => panel.open());
  find("configuration-close").addEventListener("click", () => find("configuration-dialog").close());
  find("configuration-check").addEventListener("click", () => panel.check());
  find("configuration-apply").addEventListener("click", () => panel.apply());
  find("configuration-reload").addEventListener("click", () => panel.reload());
  find("configuration-dialog").addEventListener("cancel", (event) => panel.leaving(event));
}

class Panel {
  #store; #api; #changed; #version = null; #saved = "";

  constructor(store, api, changed) {
    this.#store = store;
    this.#api = api;
    this.#changed = changed;
  }

  open() {
    find("configuration-dialog").showModal();
    this.#say();
    return this.#load();
  }

  /** Escape is not to throw away what was written. */
  leaving(event) {
    if (find("configuration-text").value === this.#saved) return;
    event.preventDefault();
    this.#say(element("p", {}, "The document was changed here. Close with ✕ to throw that away."));
  }

  check() { return this.#do(() => this.#api.post(`${PATH}/validate`, {}, find("configuration-text").value), (check) => (check.valid ? this.#say(element("p", {}, told("Nothing is wrong with it. It would have", check))) : this.#say(...faults(check.errors)))); }

  apply() { return this.#change(() => this.#api.put(PATH, find("configuration-text").value, this.#version)); }

  reload() { return this.#change(() => this.#api.post(`${PATH}/reload`)); }

  #restore(version) { return this.#change(() => this.#api.post(`${PATH}/versions/${version}/restore`)); }

  #change(work) {
    return this.#do(work, async (change) => {
      this.#say(element("p", {}, told(`Version ${change.version} is in force, with`, change)), ...faults(change.warnings));
      this.#changed();
      await this.#load();
    });
  }

  async #do(work, done) {
    const buttons = [...find("configuration-dialog").querySelectorAll("button.secondary, button.primary")];
    for (const button of buttons) button.disabled = true;
    try {
      await done(await work());
    } catch (error) {
      const conflict = error.code === "concurrent_change" ? " Somebody else has changed it meanwhile: close this and open it again." : "";
      this.#say(element("p", { class: "error", role: "alert" }, error.message + conflict), ...(error.errors?.length > 1 || error.errors?.[0]?.pointer ? faults(error.errors) : []));
    }
    for (const button of buttons) button.disabled = false;
  }

  async #load() {
    try {
      const [{ text, version }, versions] = await Promise.all([this.#api.document(PATH), this.#api.get(`${PATH}/versions`, { limit: 20 })]);
      this.#version = version;
      this.#saved = readable(text);
      find("configuration-text").value = this.#saved;
      this.#list(versions);
    } catch (error) {
      say(find("configuration-about"), error.message);
    }
  }

  #list({ items, total, file }) {
    const [newest] = items;
    say(find("configuration-about"), newest ? `Version ${newest.version}, ${plural(newest.devices, "device")}, in force since ${dateAndTime(Date.parse(newest.created_at))}` : "There is none yet. Write one here, or set IOTS_CONFIG.");
    find("configuration-reload").hidden = !file;
    const fault = file?.errors.length ? `The file of IOTS_CONFIG is not in force: ${file.errors[0].detail}` : "";
    find("configuration-file").hidden = !fault;
    say(find("configuration-file"), fault);
    const rows = items.map((one, place) => element("li", { class: "row version" },
      element("span", { class: "name" }, `Version ${one.version}, ${plural(one.devices, "device")}`),
      place ? element("button", { type: "button", class: "secondary", "aria-label": `Restore version ${one.version}`, onclick: () => this.#restore(one.version) }, "Restore") : element("span", { class: "hint" }, "in force"),
      element("span", { class: "about" }, `${dateAndTime(Date.parse(one.created_at))}, ${one.restored_from ? `restored from ${one.restored_from}` : ORIGINS[one.origin]}`)));
    if (total > items.length) rows.push(element("li", { class: "empty" }, `and ${total - items.length} older ones`));
    find("configuration-versions").replaceChildren(...(rows.length ? rows : [element("li", { class: "empty" }, "No version yet.")]));
  }

  #say(...parts) { find("configuration-outcome").replaceChildren(...parts); }
}

/** Lay a document out that is written in one line; another stays as its author wrote it. */
function readable(text) {
  if (text.includes("\n")) return text;
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function told(begin, { devices, added, changed, removed }) {
  const parts = [["new", added], ["changed", changed], ["gone", removed]].filter(([, names]) => names.length)
    .map(([word, names]) => `${names.length} ${word} (${names.slice(0, SHOWN_NAMES).join(", ")}${names.length > SHOWN_NAMES ? ", …" : ""})`);
  return `${begin} ${plural(devices, "device")}: ${parts.join(", ") || "nothing changes"}.`;
}

function faults(all) {
  return all.length ? [element("ul", { class: "faults" }, ...all.map((one) => element("li", {}, element("code", {}, one.pointer || "/"), ` ${one.detail}`)))] : [];
}
