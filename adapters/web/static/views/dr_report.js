/** The report of a demand response event: baseline against load, and all that the figures rest on. */

import { element, rebuild } from "../modules/dom.js";
import { dateAndTime, durationSeconds, number, plural, timeOfDay } from "../modules/format.js";
import { adjustment, kw, kwh, METHODS, MISSING, percent } from "../modules/dr_words.js";
import { DemandChart } from "./dr_chart.js";
import { chip, facts, table } from "./dr_parts.js";

const ALL = "";
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const dayOf = (date) => day.format(new Date(`${date}T12:00:00`));

export class Report {
  #api; #eventId; #chosen = ALL; #chart = null; #parts = {}; #report = null; #event = null; #now = 0; #complaint = null;

  constructor(api, eventId) {
    this.#api = api;
    this.#eventId = eventId;
  }

  /** Lay the parts out; the chart stays where it is while the rest is built anew. */
  place(section) {
    for (const name of ["head", "words", "choice", "plot", "legend", "table", "evidence"]) this.#parts[name] = element("div", { class: `report-${name}` });
    this.#parts.plot.classList.add("plot");
    this.#parts.plot.setAttribute("role", "img");
    this.#chart = new DemandChart(this.#parts.plot);
    section.replaceChildren(...Object.values(this.#parts));
  }

  leave() { this.#chart.leave(); }

  show(event, report, now) {
    [this.#event, this.#report, this.#now] = [event, report, now];
    const parts = this.#parts;
    const shown = Boolean(report);
    for (const part of Object.values(parts)) part.hidden = !shown;
    if (!shown) return;
    rebuild(parts.head, [report.version, report.settled, this.#complaint], () => this.#head(report));
    rebuild(parts.words, this.#words(), () => [element("p", {}, this.#words())]);
    const points = this.#points();
    const names = report.devices.map((one) => one.device_id);
    rebuild(parts.choice, [names, this.#chosen], () => (names.length > 1 ? [this.#choices(names)] : []));
    const drawn = points.some((one) => one.baseline !== null || one.actual !== null);
    parts.plot.hidden = parts.legend.hidden = parts.table.hidden = !drawn;
    if (drawn) {
      const window = [report.window.start, report.window.end].map((time) => Date.parse(time) / 1000);
      this.#chart.show(points, window, this.#seconds(), report.status === "PENDING" ? now / 1000 : null);
      parts.plot.setAttribute("aria-label", `Baseline and metered load${this.#chosen ? ` of ${this.#chosen}` : ""} in kW, from ${timeOfDay(points[0].at * 1000)} on; the same as a table below`);
      const rebound = points.some((one) => one.after);
      rebuild(parts.legend, [rebound, report.summed.length, this.#chosen], () => [legend(rebound, this.#chosen === ALL && report.summed.length < names.length ? `of ${plural(report.summed.length, "device")} with a baseline` : null)]);
      rebuild(parts.table, points, () => [element("details", {}, element("summary", {}, "The same as a table"), table("Baseline and load", ["From", "Baseline", "Metered", "Difference"], points.map(line), true))]);
    }
    rebuild(parts.evidence, report, () => this.#evidence(report));
  }

  #head(report) {
    const state = report.version ? `version ${report.version}${report.made_at ? `, kept ${dateAndTime(Date.parse(report.made_at))}` : ""}` : report.settled ? "" : "by the data so far";
    return [element("div", { class: "head" }, element("h3", {}, "What it brought"),
      element("span", { class: "hint" }, state), element("button", { type: "button", class: "secondary small", "data-focus": "csv", onclick: () => this.#download() }, "CSV")),
    this.#complaint ? element("p", { class: "error", role: "alert" }, this.#complaint) : null];
  }

  #words() {
    const { status, measured, missing, devices, window, settled, overlaps } = this.#report;
    if (!devices.length && this.#event.missed) return "No device was told, so there is nothing to measure.";
    if (!devices.length) return status === "PENDING" ? "It can be measured once devices have taken part." : "No metered device took part, so there is nothing to measure.";
    if (status === "PENDING") {
      const over = Date.parse(window.end) <= this.#now;
      return over ? "It is over; the last readings are still coming in. The report follows by itself." : "It runs. The chart grows as readings come in, and the report follows by itself once it is over.";
    }
    const why = [...new Set(missing.map((one) => MISSING[one.insufficiency] ?? one.insufficiency))].filter(Boolean).join("; ");
    if (!measured) return `There is not enough to measure it by: ${why}. A doubtful number would help nobody, so none is given.`;
    const mean = measured.reduction_kw;
    const held = measured.performance === null ? "" : `, ${percent(measured.performance)} of what was committed`;
    const first = mean >= 0 ? `${kw(mean)} less than usual on average${held}.` : `${kw(-mean)} more than usual on average${held}.`;
    const rest = missing.length ? ` ${missing.map((one) => one.device_id).join(", ")} cannot be measured: ${why}.` : "";
    const shared = [...new Set(overlaps.map((one) => one.device_id))].join(", ");
    const twice = shared ? ` ${shared} served another event for a part of that time, whose report counts it too.` : "";
    return `${first}${rest}${twice}${settled ? "" : " Late readings may still change that a little."}`;
  }

  #choices(names) {
    return element("fieldset", { class: "segments" }, element("legend", { class: "away" }, "Whose load"),
      ...[ALL, ...names].map((name) => element("label", {}, element("input", { type: "radio", name: "report-device", checked: name === this.#chosen, "data-focus": `choice ${name}`, onchange: () => { this.#chosen = name; this.show(this.#event, this.#report, this.#now); } }), element("span", {}, name || "All"))));
  }

  #devices() {
    const { devices, summed } = this.#report;
    return this.#chosen === ALL ? devices.filter((one) => summed.includes(one.device_id)) : devices.filter((one) => one.device_id === this.#chosen);
  }

  #seconds() { return durationSeconds(this.#report.devices[0]?.resolution) ?? 900; }

  /** The intervals of the event and of the time after it, of the chosen device or of all together. */
  #points() {
    const devices = this.#devices();
    const during = this.#chosen === ALL ? this.#report.intervals : devices[0]?.intervals ?? [];
    const after = devices.map((one) => one.rebound?.intervals ?? []);
    const point = (one, later) => ({ at: Date.parse(one.start) / 1000, baseline: one.baseline_kw, actual: one.actual_kw, after: later });
    const points = during.map((one) => point(one, false));
    for (let place = 0; place < (after[0]?.length ?? 0); place += 1) {
      const column = after.map((intervals) => intervals[place]).filter(Boolean);
      const total = (name) => (column.length === after.length && column.every((one) => typeof one[name] === "number") ? column.reduce((all, one) => all + one[name], 0) : null);
      points.push(point({ start: column[0].start, baseline_kw: total("baseline_kw"), actual_kw: total("actual_kw") }, true));
    }
    return points;
  }

  #evidence(report) {
    if (!report.devices.length) return [];
    const rows = report.devices.map((one) => [one.device_id, kw(one.committed_kw), kw(one.reduction_kw), kwh(one.energy_kwh), percent(one.performance),
      one.status === "OK" ? chip("completed", "measured") : chip("pending", one.status === "PENDING" ? "soon" : "not measurable")]);
    const pending = report.status === "PENDING";
    return [
      pending && !report.measured ? null : table("Reduction by device", ["Device", "Committed", "Reduction", "Energy", "Performance", ""], rows),
      element("h3", {}, pending ? "How it is measured" : "How it was measured"),
      element("p", { class: "hint" }, `${METHODS[report.method] ?? report.method}.`),
      ...report.devices.map((one) => element("details", { class: "evidence" }, element("summary", {}, `${one.device_id}: ${plural(one.days_used.length, "day")} used, ${one.days_excluded.length} left out`), evidence(one))),
    ];
  }

  async #download() {
    try {
      this.#complaint = null;
      const { text } = await this.#api.document(`/demand-response/events/${this.#eventId}/performance?format=csv`);
      const link = element("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: `event-${this.#eventId}.csv` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (error) {
      this.#complaint = error.message;
    }
    this.show(this.#event, this.#report, this.#now);
  }
}

function evidence(one) {
  const left = one.days_excluded.map((out) => element("li", {}, `${dayOf(out.date)}: ${out.reason}`));
  const { adjustment: adjusted } = one;
  const known = [adjusted.notified_before_window && "the device knew of the event before that time", adjusted.event_in_window && "the device took part in another event at that time"].filter(Boolean).join("; ");
  return facts([
    one.insufficiency ? ["Not measurable", MISSING[one.insufficiency] ?? one.insufficiency] : [],
    ["Days used", one.days_used.map(dayOf).join(", ") || "none"],
    ["Left out", left.length ? element("ul", {}, ...left) : "none"],
    ["Adjustment", adjustment(adjusted)],
    [adjusted.kind === "additive" ? "Difference" : "Factor", typeof adjusted.raw === "number" ? `${number(adjusted.raw)} raw, ${typeof adjusted.applied === "number" ? number(adjusted.applied) : "not"} applied` : null],
    ["Before it", typeof adjusted.mean_actual_kw === "number" && typeof adjusted.mean_baseline_kw === "number" ? `${kw(adjusted.mean_actual_kw)} metered, ${kw(adjusted.mean_baseline_kw)} usual` : null],
    ["To be known", known],
    ["Coverage", `${percent(one.coverage)} of the event metered`],
    ["Rebound", one.rebound ? reboundWords(one.rebound) : null],
  ]);
}

function reboundWords(rebound) {
  const period = `${timeOfDay(Date.parse(rebound.period.start))} – ${timeOfDay(Date.parse(rebound.period.end))}`;
  if (rebound.status === "OK") return `${kwh(rebound.energy_kwh)} on top of the baseline, ${period}`;
  return rebound.status === "PENDING" ? `measured until ${timeOfDay(Date.parse(rebound.period.end))}` : `not measurable, ${period}`;
}

function legend(rebound, note) {
  const entries = [["baseline", "Baseline"], ["actual", "Metered"], ["less", "Reduction"], ["more", rebound ? "More than usual" : null]].filter(([, name]) => name);
  return element("p", { class: "legend" }, ...entries.map(([kind, name]) => element("span", {}, element("span", { class: "swatch", "data-kind": kind, "aria-hidden": "true" }), name)), note ? element("span", { class: "hint" }, note) : null);
}

const line = (one) => [timeOfDay(one.at * 1000), kw(one.baseline), kw(one.actual), one.baseline !== null && one.actual !== null ? kw(one.baseline - one.actual) : "–"];
