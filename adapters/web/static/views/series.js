/** The readings of a chart: how they are asked for, and the columns that they become. */

const HOUR = 3600;
const DAY = 24 * HOUR;

/** `refresh`: after how many milliseconds buckets are asked for anew. */
export const SPANS = {
  hour: { seconds: HOUR, resolution: "PT1M", refresh: 30_000, raw: true },
  day: { seconds: DAY, resolution: "PT15M", refresh: 60_000, raw: true },
  week: { seconds: 7 * DAY, resolution: "PT1H", refresh: 300_000, raw: false },
  month: { seconds: 28 * DAY, resolution: "PT6H", amounts: "P1D", refresh: 600_000, raw: false },
};

const PAGES = 20;
const ADDS_UP = new Set(["cumulative", "delta"]);

export async function load(api, sensor, span, detail, now, signal) {
  const { seconds, amounts } = SPANS[span];
  const path = `/sensors/${encodeURIComponent(sensor.sensor_id)}/data`;
  const start = new Date(now - seconds * 1000).toISOString();
  const end = new Date(now + 1000).toISOString();
  if (detail === "raw") return raw(api, path, { start, end }, sensor, seconds, signal);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const energy = sensor.quantity === "energy" && ADDS_UP.has(sensor.accumulation);
  const resolution = (energy && amounts) || SPANS[span].resolution;
  const aggregates = energy ? ["energy"] : ["mean", "min", "max"];
  const query = new URLSearchParams({ start, end, resolution, timezone: zone || "UTC", fill: "null" });
  for (const aggregate of aggregates) query.append("aggregate", aggregate);
  const answer = await api.get(`${path}?${query}`, {}, signal);
  const series = new Series(energy ? "bars" : "band", energy ? "kWh" : answer.unit, seconds);
  for (const bucket of answer.buckets) {
    const start = Date.parse(bucket.start) / 1000;
    // An average stands for its whole bucket: it is drawn in the middle of it.
    const at = energy ? start : (start + Date.parse(bucket.end) / 1000) / 2;
    series.push(at, energy ? bucket.energy : average(bucket), bucket.max, bucket.min);
  }
  return series;
}

/** A lone reading has no average over time; what was measured is shown all the same. */
const average = ({ mean, min, max }) => mean ?? (typeof min === "number" && typeof max === "number" ? (min + max) / 2 : null);

async function raw(api, path, range, sensor, seconds, signal) {
  let cursor = null;
  const series = new Series("line", sensor.unit, seconds);
  series.gap = sensor.maxGap;
  for (let page = 0; page < PAGES; page += 1) {
    const answer = await api.get(path, { ...range, limit: 1000, cursor }, signal);
    for (const item of answer.items) series.add(Date.parse(item.time) / 1000, item.quality === "BAD" ? null : item.value);
    cursor = answer.next_cursor;
    if (!cursor) return series;
  }
  series.note = "There are more readings than are shown here; averages show them all.";
  return series;
}

class Series {
  times = [];
  points = [];
  #high = [];
  #low = [];
  gap = Infinity;
  note = "";
  loaded = Date.now();

  constructor(shape, unit, seconds) {
    this.shape = shape;
    this.unit = unit;
    this.seconds = seconds;
  }

  get raw() { return this.shape === "line"; }

  push(time, value, high, low) {
    this.times.push(time);
    this.points.push(value ?? null);
    this.#high.push(high ?? null);
    this.#low.push(low ?? null);
  }

  /** Add a raw reading; return whether it was new. Across a long silence no line is drawn. */
  add(time, value) {
    const last = this.times.at(-1);
    if (last !== undefined && time <= last) {
      const place = this.times.lastIndexOf(time);
      if (place < 0 || this.points[place] === value) return false;
      this.points[place] = value;
      return true;
    }
    if (last !== undefined && time - last > this.gap) this.push((time + last) / 2, null);
    this.push(time, value);
    return true;
  }

  trim(now) {
    if (!this.raw) return;
    let old = 0;
    while (old < this.times.length && this.times[old] < now - this.seconds) old += 1;
    if (old) for (const column of [this.times, this.points, this.#high, this.#low]) column.splice(0, old);
  }

  range(now) { return [now - this.seconds, now]; }
  columns() { return this.shape === "band" ? [this.times, this.points, this.#high, this.#low] : [this.times, this.points]; }
  lowest(fallback) { return this.#low.reduce((least, value) => (value === null ? least : Math.min(least, value)), fallback); }
  highest(fallback) { return this.#high.reduce((most, value) => (value === null ? most : Math.max(most, value)), fallback); }
}
