/** What the page knows of demand response: what can be shed, the events, and what belongs to each that is shown. */

const PATH = "/demand-response";
const OPEN = ["active", "near", "far", "draft"];
const OVER = ["completed", "cancelled"];
const FIRST = 5;
const MORE = 20;
const DETAILED = 12;
const FRESH = 60_000;
const MINUTE = 60_000;
/** How long the figure of a report that is not kept yet stands, and one that has not enough data. */
const ASK_AGAIN = { OK: 60_000, PENDING: 30_000, INSUFFICIENT_DATA: 600_000 };

const sum = (values) => (values.length ? values.reduce((total, value) => total + value, 0) : null);
const known = (value) => typeof value === "number";

export class DemandResponse {
  /** What each device can shed, null before that is known; profiles by `device_id`. */
  flexibility = null;
  profiles = new Map();
  /** Events that are not over, the one that starts first at first; and the newest of those that are. */
  open = null;
  past = null;
  pastTotal = 0;
  #api; #changed; #shown = FIRST; #details = new Map(); #reports = new Map(); #names = new Map();

  constructor(api, changed) {
    this.#api = api;
    this.#changed = changed;
  }

  /** Ask for all of it. */
  async refresh() {
    const all = await Promise.allSettled([this.#flexibility(), this.#events()]);
    this.#changed();
    const failed = all.find((one) => one.status === "rejected");
    if (failed) throw failed.reason;
  }

  async more() {
    this.#shown = Math.min(this.#shown + MORE, 1000);
    await this.#events();
    this.#changed();
  }

  /** Take what the WebSocket tells; return whether there is more to be asked for. */
  hear({ time, data }, now) {
    if (data.event_name) this.#names.set(data.event_id, data.event_name);
    // What is replayed of the last hour says nothing of now.
    if (now - Date.parse(time) > FRESH) return false;
    if (data.type !== "flexibility" || !data.devices) return true;
    const told = new Map(data.devices.map((one) => [one.device_id, one.now_kw]));
    for (const one of this.flexibility ?? []) one.now_kw = told.get(one.device_id) ?? one.now_kw;
    this.#changed();
    return true;
  }

  /** What an event is called, or null. */
  nameOf(eventId) { return this.#names.get(eventId) ?? null; }

  /** The kW that can be asked for now, null where that is not known. */
  nowKw() { return this.flexibility && (sum(this.flexibility.filter(isFree).map((one) => one.now_kw)) ?? 0); }

  active() { return (this.open ?? []).filter((event) => event.status === "active"); }
  upcoming() { return (this.open ?? []).filter((event) => event.status === "near" || event.status === "far"); }

  /** The kW that devices answer for: what was asked of those that were told, else what was said to invitations. */
  committed(event) {
    const details = this.#details.get(event.event_id);
    return details ? committedOf(details) : null;
  }

  /** What came of an event: `{kw, settled}`, by the meters of now while it runs, by its report once it is over. */
  measured(event) {
    const details = this.#details.get(event.event_id);
    if (!details) return null;
    if (event.status === "active") {
      const kw = shedNow(details);
      return kw === null ? null : { kw, settled: false };
    }
    const delivered = details.assignments.map((one) => one.delivered_kw).filter(known);
    if (delivered.length) return { kw: sum(delivered), settled: true };
    const report = this.#reports.get(event.event_id);
    if (!report) return null;
    return { kw: report.measured?.reduction_kw ?? null, settled: report.settled, status: report.status };
  }

  /** What the event is called that a device serves at this moment, or null. */
  servedBy(deviceId) {
    const event = this.active().find(({ event_id: id }) => this.#details.get(id)?.assignments.some((one) => one.device_id === deviceId && !one.ended_at));
    return event?.event_name ?? null;
  }

  /** Keep what was asked for elsewhere, so that the list says the same. */
  keep(details, report) {
    this.#details.set(details.event_id, details);
    if (report) this.#reports.set(details.event_id, { ...report, asked: Date.now() });
    else this.#reports.delete(details.event_id);
  }

  async #flexibility() {
    const [flexibility, profiles] = await Promise.all([this.#api.all(`${PATH}/flexibility`), this.#api.all(`${PATH}/devices`)]);
    this.profiles = new Map(profiles.map((one) => [one.device_id, one]));
    const rank = (one) => this.profiles.get(one.device_id)?.priority ?? Infinity;
    this.flexibility = flexibility.sort((one, other) => other.now_kw - one.now_kw || Math.sign(rank(one) - rank(other)) || one.device_id.localeCompare(other.device_id));
  }

  async #events() {
    const asked = (statuses) => `${PATH}/events?${statuses.map((status) => `status=${status}`).join("&")}`;
    const [open, past] = await Promise.all([this.#api.get(asked(OPEN), { limit: 100 }), this.#api.get(asked(OVER), { limit: this.#shown })]);
    const order = (event) => OPEN.indexOf(event.status === "near" ? "far" : event.status);
    const sorted = open.items.sort((one, other) => order(one) - order(other) || Date.parse(one.start) - Date.parse(other.start));
    for (const event of [...sorted, ...past.items]) this.#names.set(event.event_id, event.event_name);
    await Promise.all([...sorted.slice(0, DETAILED), ...past.items.slice(0, this.#shown)].map((event) => this.#detail(event)));
    this.open = sorted;
    this.past = past.items;
    this.pastTotal = past.total;
  }

  async #detail(event) {
    const before = this.#details.get(event.event_id);
    const over = OVER.includes(event.status);
    const path = `${PATH}/events/${event.event_id}`;
    if (!over || before?.status !== event.status || before.reported_version !== event.reported_version) this.#details.set(event.event_id, await this.#api.get(path));
    if (event.status !== "completed" || event.reported_version || !isMeasured(event) || !this.#details.get(event.event_id).assignments.length) return;
    const report = this.#reports.get(event.event_id);
    if (!report || Date.now() - report.asked > ASK_AGAIN[report.status]) this.#reports.set(event.event_id, { ...(await this.#api.get(`${path}/performance`)), asked: Date.now() });
  }
}

/** Whether a device serves no event: what is left of one that does is only for an event of a higher priority. */
export const isFree = (one) => !one.limits.some((limit) => limit.code === "serves_another");

/** Whether there is a report of an event: it has begun, some device took part, and it has a whole minute to measure. */
export function isMeasured({ status, start, end, history, assignments = null }) {
  if (["draft", "far", "near"].includes(status) || (status === "cancelled" && assignments && !assignments.length)) return false;
  const until = status === "cancelled" ? Math.min(Date.parse(history.at(-1).at), Date.parse(end)) : Date.parse(end);
  return Math.ceil(Date.parse(start) / MINUTE) < Math.floor(until / MINUTE);
}

/** What the meters of the devices that serve an event show now, in kW less; null where none does. */
export const shedNow = (details) => sum(details.assignments.filter((one) => !one.ended_at).map((one) => one.shed_kw).filter(known));

export function committedOf({ assignments, invitations }) {
  const told = assignments.filter((one) => one.end_reason !== "failed");
  const most = new Map();
  for (const one of told) if (known(one.asked_kw)) most.set(one.device_id, Math.max(most.get(one.device_id) ?? 0, one.asked_kw));
  return most.size ? sum([...most.values()]) : sum(invitations.filter((one) => one.status === "opt_in").map((one) => one.committed_kw).filter(known));
}
