/** What the page knows of meter files: a page of them, their collections, the FTP server and its newest scan. */

const FIRST = 10;
const MORE = 50;
const FRESH = 30_000;
const AFTER = new Set(["file_ended", "file_uploaded", "file_read_again", "collection_found", "scan_requested"]);

export class MeterFiles {
  files = null;
  total = 0;
  collections = null;
  scan = null;
  /** Null where no FTP server is configured, undefined before that is known. */
  source = undefined;
  filter = { status: null, collection: null };
  #api; #changed; #shown = FIRST;

  constructor(api, changed) {
    this.#api = api;
    this.#changed = changed;
  }

  /** Ask for all of it. */
  async refresh() {
    const all = await Promise.allSettled([this.#files(), this.#collections(), this.#scan(), this.#source()]);
    this.#changed();
    const failed = all.find((one) => one.status === "rejected");
    if (failed) throw failed.reason;
  }

  /** Show only some files. */
  async choose(filter) {
    this.filter = { ...this.filter, ...filter };
    this.#shown = FIRST;
    this.files = null;
    this.#changed();
    await this.#files();
    this.#changed();
  }

  async more() {
    this.#shown = Math.min(this.#shown + MORE, 1000);
    await this.#files();
    this.#changed();
  }

  /** Take what the WebSocket tells; return whether there is more to be asked for. */
  hear({ time, data }, now) {
    if (data.type !== "scan_progressed") return AFTER.has(data.type);
    // What is replayed of the last hour says nothing of now.
    if (now - Date.parse(time) > FRESH) return false;
    const before = this.scan?.scan_id === data.scan_id ? this.scan : { started: time, error: null };
    if (before.status && before.status !== "running") return false;
    this.scan = { ...before, ...data, error: data.error ? { code: data.error, detail: data.error } : null };
    this.#changed();
    return data.status !== "running";
  }

  async #files() {
    const asked = this.filter;
    const page = await this.#api.get("/ingestion/files", { ...asked, limit: this.#shown });
    if (asked !== this.filter) return; // another choice was made meanwhile
    this.files = page.items;
    this.total = page.total;
  }

  async #collections() { this.collections = await this.#api.all("/ingestion/collections"); }

  async #scan() {
    const { items } = await this.#api.get("/ingestion/ftp/scans", { limit: 1 });
    this.scan = items[0] ?? null;
  }

  async #source() {
    const { items } = await this.#api.get("/ingestion/sources", { kind: "ftp", limit: 1 });
    this.source = items[0] ?? null;
  }
}
