/** The chart of one sensor: asked for anew where it changes, drawn with uPlot, said in words below. */

import { element, find, say } from "../modules/dom.js";
import { dateAndTime, exactTime, number, quantityName, timeOfDay, unitName } from "../modules/format.js";
import { load, SPANS } from "./series.js";

const uPlot = globalThis.uPlot;
const REDRAW_EVERY = 1000;

export class Chart {
  #api; #store; #plot = null; #series = null; #sensor = null; #asked = null; #drawn = 0; #timer = null; #retry = null; #failures = 0;

  constructor(api, store) {
    this.#api = api;
    this.#store = store;
    for (const name of ["chart-span", "chart-detail"]) find(name).addEventListener("change", () => this.reload());
    new ResizeObserver(() => this.#resize()).observe(find("chart"));
  }

  get sensorId() { return this.#sensor; }

  choose(sensorId) {
    this.#sensor = sensorId;
    this.#series = null;
    this.#clear();
    return this.reload();
  }

  get #span() { return document.querySelector("input[name=span]:checked").value; }

  #detail() {
    const [buckets, raw] = document.querySelectorAll("input[name=detail]");
    raw.disabled = !SPANS[this.#span].raw;
    if (raw.disabled) buckets.checked = true;
    return raw.checked ? "raw" : "buckets";
  }

  /** Ask for the readings. What is shown stays until the answer is here, unless it is of another sensor. */
  async reload() {
    const sensor = this.#store.sensors.get(this.#sensor);
    if (!sensor) return;
    clearTimeout(this.#retry);
    this.#asked?.abort();
    const asked = (this.#asked = new AbortController());
    const detail = this.#detail();
    this.#head(sensor);
    find("chart").classList.add("busy");
    if (!this.#series) this.#message("Loading");
    try {
      const series = await load(this.#api, sensor, this.#span, detail, this.#store.now(), asked.signal);
      if (asked.signal.aborted) return;
      this.#series = series;
      this.#failures = 0;
      this.#draw(sensor);
    } catch (error) {
      if (asked.signal.aborted) return;
      this.#failures += 1;
      this.#message(error.message, () => this.reload());
      this.#retry = setTimeout(() => this.reload(), Math.min(60_000, 3000 * 2 ** this.#failures));
    } finally {
      if (asked === this.#asked) find("chart").classList.remove("busy");
    }
  }

  /** Take live readings: raw ones are added at once, buckets are asked for anew when they are due. */
  take(readings) {
    const sensor = this.#store.sensors.get(this.#sensor);
    if (!sensor || !this.#series?.points) return;
    if (!this.#series.raw) return;
    let added = false;
    for (const reading of readings) {
      if (reading.sensor_id !== this.#sensor) continue;
      added = this.#series.add(Date.parse(reading.time) / 1000, reading.quality === "BAD" ? null : reading.value) || added;
    }
    if (added) this.#drawSoon(sensor);
  }

  /** Bring the end of the chart up to now. */
  tick() {
    const sensor = this.#store.sensors.get(this.#sensor);
    if (!sensor || !this.#series || document.hidden) return;
    if (!this.#series.raw && Date.now() - this.#series.loaded > SPANS[this.#span].refresh) this.reload();
    else if (this.#series.raw) this.#drawSoon(sensor);
  }

  redraw() {
    const sensor = this.#store.sensors.get(this.#sensor);
    if (!sensor || !this.#series) return;
    this.#clear();
    this.#draw(sensor);
  }

  #drawSoon(sensor) {
    if (this.#timer) return;
    this.#timer = setTimeout(() => { this.#timer = null; if (this.#sensor === sensor.sensor_id) this.#draw(sensor); }, Math.max(0, REDRAW_EVERY - (Date.now() - this.#drawn)));
  }

  #head(sensor) {
    say(find("chart-title"), this.#store.label(sensor));
    const unit = unitName(sensor.unit);
    const about = [`${quantityName(sensor.quantity)}${unit ? ` in ${unit}` : ""}`, sensor.room_name, this.#store.label(sensor) === sensor.sensor_id ? null : sensor.sensor_id];
    say(find("chart-about"), about.filter(Boolean).join(" · "));
  }

  #message(text, again) {
    const place = find("chart");
    place.querySelector(".message")?.remove();
    if (text) place.append(element("div", { class: "message" }, text, again ? element("button", { type: "button", class: "quiet", onclick: again }, "Try again now") : null));
  }

  #clear() {
    this.#plot?.destroy();
    this.#plot = null;
  }

  #size() {
    const place = find("chart");
    return { width: Math.max(200, place.clientWidth), height: Math.max(160, place.clientHeight) };
  }

  #resize() {
    if (this.#plot) this.#plot.setSize(this.#size());
  }

  #draw(sensor) {
    this.#drawn = Date.now();
    const series = this.#series;
    series.trim(this.#store.now() / 1000);
    const values = series.points.filter((value) => value !== null);
    this.#message(values.length ? "" : "No readings in this time");
    this.#words(sensor, values);
    const range = series.range(this.#store.now() / 1000);
    if (this.#plot && this.#plot.shape === series.shape) {
      this.#plot.range = range;
      this.#plot.setData(series.columns());
      return;
    }
    this.#clear();
    this.#plot = new uPlot(this.#options(sensor, series), series.columns(), (plot, start) => {
      plot.range = range;
      start();
      find("chart").prepend(plot.root);
    });
    this.#plot.shape = series.shape;
  }

  #options(sensor, series) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: colour("--muted"), font, ticks: { show: false }, grid: { stroke: colour("--line"), width: 1 } };
    const line = { stroke: colour("--accent"), width: 1.75, points: { show: false, size: 5, fill: colour("--accent"), filter: (plot, at) => alone(plot.data[at]) }, spanGaps: false };
    const hidden = { stroke: "transparent", points: { show: false } };
    const bars = { ...line, width: 0, fill: colour("--accent"), paths: uPlot.paths.bars({ size: [0.75, 40], align: 1 }), points: { show: false } };
    const unit = unitName(series.unit);
    return {
      ...this.#size(),
      padding: [10, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 8, fill: colour("--accent") }, drag: { x: false, y: false } },
      scales: {
        x: { time: true, range: (plot, low, high) => plot.range ?? [low, high] },
        y: { range: (_, low, high) => around(low, high, series.shape === "bars") },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 30, space: 70, values: (_, splits, __, ___, step) => splits.map((at) => label(at * 1000, step)) },
        { ...axis, size: 52, values: (_, splits) => splits.map((value) => trimmed(value)) },
      ],
      series: series.shape === "band" ? [{}, line, hidden, hidden] : [{}, series.shape === "bars" ? bars : line],
      bands: series.shape === "band" ? [{ series: [2, 3], fill: colour("--band") }] : [],
      plugins: [tip(unit, series.shape)],
    };
  }

  #words(sensor, values) {
    const place = find("chart-summary");
    const unit = unitName(this.#series.unit);
    if (!values.length) { say(place, ""); find("chart-table").hidden = true; return; }
    let low = Infinity, high = -Infinity, sum = 0;
    for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); sum += value; }
    const parts = this.#series.shape === "bars"
      ? `${number(sum)} ${unit} in all; the highest ${number(high)}, the lowest ${number(low)} ${unit}.`
      : `Between ${number(this.#series.lowest(low))} and ${number(this.#series.highest(high))} ${unit}, ${number(sum / values.length)} on average.`;
    say(place, `${parts}${this.#series.note ? ` ${this.#series.note}` : ""}`);
    find("chart-table").hidden = false;
    if (find("chart-table").open) this.#table();
    else find("chart-table").ontoggle = () => { if (find("chart-table").open) this.#table(); };
  }

  #table() {
    const { times, points, unit } = this.#series;
    const rows = [];
    for (let at = times.length - 1; at >= 0 && rows.length < 300; at -= 1) {
      if (points[at] !== null) rows.push(element("tr", {}, element("td", {}, `${dateAndTime(times[at] * 1000)}`), element("td", {}, `${number(points[at])} ${unitName(unit)}`)));
    }
    const head = element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Time"), element("th", { scope: "col" }, "Value")));
    find("chart-table").querySelector(".scroll").replaceChildren(element("table", {}, head, element("tbody", {}, ...rows)));
  }
}

function around(low, high, fromZero) {
  if (low === null || !Number.isFinite(low)) return [0, 1];
  if (fromZero) { low = Math.min(0, low); high = Math.max(0, high); }
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  const bottom = low >= 0 && low - room < (high - low) * 0.6 ? 0 : low - room;
  return [fromZero && low === 0 ? 0 : Math.min(bottom, low), high + room];
}

/** The places of values without a neighbour: no line leads to them, so they need a point. */
function alone(values) {
  const places = [];
  for (let at = 0; at < values.length; at += 1) {
    if (values[at] !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null) places.push(at);
  }
  return places.length ? places : null;
}

export const trimmed = (value) => String(Number(value.toPrecision(6))).replace("-", "−");

export function label(milliseconds, step) {
  const time = new Date(milliseconds);
  if (step >= 86400 || (time.getHours() === 0 && time.getMinutes() === 0)) return time.toLocaleDateString(undefined, { day: "numeric", month: "short" });
  return step < 60 ? exactTime(milliseconds) : timeOfDay(milliseconds);
}

/** Shows the value below the pointer. */
function tip(unit, shape) {
  const box = element("div", { class: "tip", "aria-hidden": "true", hidden: true }, element("time"), element("span"));
  return {
    hooks: {
      init: (plot) => plot.over.append(box),
      setCursor: (plot) => {
        const { idx, left } = plot.cursor;
        const value = idx === null || idx === undefined ? null : plot.data[1][idx];
        box.hidden = left < 0 || value === null || value === undefined;
        if (box.hidden) return;
        box.firstChild.textContent = dateAndTime(plot.data[0][idx] * 1000);
        const spread = shape === "band" ? ` (${number(plot.data[3][idx])} to ${number(plot.data[2][idx])})` : "";
        box.lastChild.textContent = `${number(value)} ${unit}${spread}`;
        const width = plot.over.clientWidth;
        box.style.top = "6px";
        box.style.left = left < width / 2 ? `${left + 12}px` : "auto";
        box.style.right = left < width / 2 ? "auto" : `${width - left + 12}px`;
      },
    },
  };
}
