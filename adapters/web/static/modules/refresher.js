/** Asks for what does not come by itself: lists and counts, again and again, and says kindly when it cannot. */

const EVERY = { sensors: 120_000, rooms: 120_000, devices: 15_000, alarms: 60_000, files: 30_000, demand: 30_000, rejected: 60_000, energy: 120_000 };
const AGAIN = 5_000;

export class Refresher {
  #api; #store; #on; #timers = new Map(); #running = new Map(); #problems = new Map(); #stopped = false;

  constructor(api, store, on) {
    this.#api = api;
    this.#store = store;
    this.#on = on;
  }

  async start() {
    await this.sensors();
    this.soon();
  }

  stop() {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  /** Ask for everything that is not being asked for. */
  soon() {
    for (const what of Object.keys(EVERY)) this.#run(what);
  }

  sensors() { return this.#run("sensors"); }
  devices() { this.#run("alarms"); return this.#run("devices"); }
  files() { return this.#run("files"); }
  demand() { return this.#run("demand"); }

  #run(what) {
    if (this.#stopped) return Promise.resolve();
    if (!this.#running.has(what)) {
      clearTimeout(this.#timers.get(what));
      const work = this.#try(what).finally(() => this.#running.delete(what));
      this.#running.set(what, work);
    }
    return this.#running.get(what);
  }

  async #try(what) {
    let wait = EVERY[what];
    try {
      await this[`_${what}`]();
      this.#problems.delete(what);
    } catch (error) {
      if (error.wrongKey) { this.#on.wrongKey(); return; }
      // What this key may not see is left out; the rest of the page is there for it.
      if (!error.notAllowed && error.status !== 404) { this.#problems.set(what, error.message); wait = AGAIN; }
    }
    if (this.#stopped) return;
    this.#on.problem([...new Set(this.#problems.values())].join(" "));
    this.#store.touch();
    this.#timers.set(what, setTimeout(() => this.#run(what), wait * (0.9 + 0.2 * Math.random())));
  }

  async _sensors() {
    this.#store.setSensors(await this.#api.all("/sensors/get"));
    this.#on.loaded();
  }

  async _rooms() { this.#store.rooms = await this.#api.all("/rooms"); }
  async _devices() { this.#store.devices = await this.#api.all("/ingestion/devices"); }

  async _files() { await this.#store.meterFiles.refresh(); }

  async _demand() { await this.#store.demand.refresh(); }

  async _alarms() {
    const { total, items } = await this.#api.get("/alarms", { open: true, limit: 3 });
    this.#store.alarms = { total, first: items.map((alarm) => alarm.sensor_id) };
  }

  async _rejected() {
    try {
      const { total } = await this.#api.get("/data/rejected", { limit: 1 });
      this.#store.rejected = { total, note: "in the last 30 days" };
    } catch (error) {
      if (!error.notAllowed) throw error;
      this.#store.rejected = { total: null, note: "needs an operator's key" };
    }
  }

  /** The site's energy since midnight, each device once, and how far it can be trusted. */
  async _energy() {
    const midnight = new Date(this.#store.now());
    midnight.setHours(0, 0, 0, 0);
    const { series } = await this.#api.get("/analytics/energy", {
      start: midnight.toISOString(), end: new Date(this.#store.now()).toISOString(), resolution: "P1D",
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC",
    });
    const bucket = series[0]?.buckets.at(-1);
    if (!bucket) { this.#store.energyToday = { value: null, note: "no energy meters" }; return; }
    const notes = ["since midnight"];
    if (bucket.quality === "ESTIMATED") notes.push(`${Math.floor(bucket.coverage * 100)} % covered`);
    if (bucket.missing_sensors.length) notes.push(`${bucket.missing_sensors.length} silent`);
    this.#store.energyToday = { value: bucket.energy_kwh, note: notes.join(" · ") };
  }
}
