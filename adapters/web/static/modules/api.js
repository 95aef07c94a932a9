/** Calls of the API, with a time limit, and errors that can be shown to people. */

const PATIENCE = 20_000;
const PATIENCE_WITH_FILES = 10 * 60_000;

/** Where the API is, also below a proxy's prefix. */
export const base = location.pathname.replace(/\/dashboard\/?$/, "");

export class ApiError extends Error {
  constructor(message, status, code, errors = []) {
    super(message);
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
  get wrongKey() { return this.status === 401; }
  get notAllowed() { return this.status === 403; }
}

const readJson = (answer) => (answer.status === 204 ? null : answer.json());

async function problemOf(answer) {
  try {
    const problem = await answer.json();
    return { code: problem.code, detail: problem.detail || problem.title, errors: problem.errors ?? [] };
  } catch {
    return {};
  }
}

function explain(status, detail, retryAfter, asked) {
  if (status === 401) return "The API key is not valid any more.";
  if (status === 403) return asked === "GET" ? "This key may not see that." : "This key may only look: that needs an operator's or an administrator's.";
  if (status === 404) return detail ?? "That is not there any more.";
  if (status === 429) return `Too many calls; trying again in ${retryAfter || "a few"} s.`;
  if (status === 503) return "The service is up, but its database is away. Trying again.";
  if (status >= 500) return "The service had a fault. Trying again.";
  return detail ?? `The service answered ${status}.`;
}

export class Api {
  constructor(key) { this.key = key; }

  /** Return what a path under /api/v1 answers. Throws ApiError, or AbortError where `signal` says so. */
  get(path, query = {}, signal = undefined) { return this.#ask("GET", path, { query, signal }); }

  /**
   * Do something. A body is a form, which may hold a big file and takes its time, or written JSON. With `once`, a
   * key of the caller's, trying again does it no second time.
   */
  post(path, query = {}, body = undefined, once = undefined) { return this.#ask("POST", path, { query, body, once }); }

  /** Put a document, written as JSON, in the place of the version that it was made from. */
  put(path, body, version) { return this.#ask("PUT", path, { body, version }); }

  /** Return a document as it is written, and its version. */
  document(path) { return this.#ask("GET", path, { as: async (answer) => ({ text: await answer.text(), version: answer.headers.get("ETag") }) }); }

  async #ask(method, path, { query = {}, body = undefined, signal = undefined, version = undefined, once = undefined, as = readJson }) {
    const url = new URL(`${base}/api/v1${path}`, location.origin);
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined) url.searchParams.set(name, value);
    }
    const isForm = body instanceof FormData;
    const limit = AbortSignal.timeout(isForm ? PATIENCE_WITH_FILES : PATIENCE);
    const headers = { Authorization: `Bearer ${this.key}`, Accept: "application/json" };
    if (body !== undefined && !isForm) headers["Content-Type"] = "application/json";
    if (version) headers["If-Match"] = version;
    if (once) headers["Idempotency-Key"] = once;
    const again = method === "GET" ? " Trying again." : " Try again.";
    const signals = signal ? AbortSignal.any([signal, limit]) : limit;
    let answer;
    try {
      answer = await fetch(url, { method, headers, body, signal: signals, cache: "no-store" });
      if (answer.ok) return await as(answer);
    } catch (error) {
      if (signal?.aborted) throw error;
      if (limit.aborted) throw new ApiError(`The service is slow to answer.${again}`, 0, "timeout");
      throw new ApiError(`The service cannot be reached.${again}`, 0, "unreachable");
    }
    const { code, detail, errors } = await problemOf(answer);
    throw new ApiError(explain(answer.status, detail, answer.headers.get("Retry-After"), method), answer.status, code, errors);
  }

  /** Return all items of a list, page by page. */
  async all(path, query = {}) {
    const items = [];
    for (;;) {
      const page = await this.get(path, { ...query, limit: 1000, offset: items.length });
      items.push(...page.items);
      if (!page.items.length || items.length >= page.total) return items;
    }
  }
}
