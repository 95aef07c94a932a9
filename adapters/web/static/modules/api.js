/** Calls of the API, with a time limit, and errors that can be shown to people. */

const PATIENCE = 20_000;

/** Where the API is, also below a proxy's prefix. */
export const base = location.pathname.replace(/\/dashboard\/?$/, "");

export class ApiError extends Error {
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
  get wrongKey() { return this.status === 401; }
  get notAllowed() { return this.status === 403; }
}

async function problemOf(answer) {
  try {
    const problem = await answer.json();
    return { code: problem.code, detail: problem.detail || problem.title };
  } catch {
    return {};
  }
}

function explain(status, detail, retryAfter) {
  if (status === 401) return "The API key is not valid any more.";
  if (status === 403) return "This key may not see that.";
  if (status === 404) return detail ?? "That is not there any more.";
  if (status === 429) return `Too many calls; trying again in ${retryAfter || "a few"} s.`;
  if (status === 503) return "The service is up, but its database is away. Trying again.";
  if (status >= 500) return "The service had a fault. Trying again.";
  return detail ?? `The service answered ${status}.`;
}

export class Api {
  constructor(key) { this.key = key; }

  /** Return what a path under /api/v1 answers. Throws ApiError, or AbortError where `signal` says so. */
  async get(path, query = {}, signal = undefined) {
    const url = new URL(`${base}/api/v1${path}`, location.origin);
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined) url.searchParams.set(name, value);
    }
    const limit = AbortSignal.timeout(PATIENCE);
    const signals = signal ? AbortSignal.any([signal, limit]) : limit;
    let answer;
    try {
      answer = await fetch(url, { headers: { Authorization: `Bearer ${this.key}`, Accept: "application/json" }, signal: signals, cache: "no-store" });
      if (answer.ok) return await answer.json();
    } catch (error) {
      if (signal?.aborted) throw error;
      if (limit.aborted) throw new ApiError("The service is slow to answer. Trying again.", 0, "timeout");
      throw new ApiError("The service cannot be reached. Trying again.", 0, "unreachable");
    }
    const { code, detail } = await problemOf(answer);
    throw new ApiError(explain(answer.status, detail, answer.headers.get("Retry-After")), answer.status, code);
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
