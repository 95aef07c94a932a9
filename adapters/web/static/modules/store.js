/** What the page knows: sensors with their newest readings, rooms, devices. Tells `change`, once a frame. */

import { eachFrame, later } from "./dom.js";
import { durationSeconds } from "./format.js";

const RATE_WINDOW = 60_000;
/** Events of one group that come within so many milliseconds are told as one. */
const TOGETHER = 10_000;

export class Store extends EventTarget {
  sensors = new Map();
  rooms = [];
  devices = null;
  rejected = null;
  /** Sensors that have fallen silent: how many, and the first of them. */
  alarms = null;
  energyToday = null;
  events = [];
  eventsVersion = 0;
  /** What is known of meter files (`MeterFiles`). */
  meterFiles = null;
  /** What is known of demand response (`DemandResponse`). */
  demand = null;
  /** Whether the key may do things beside looking (an operator's, an administrator's); null before that is known. */
  mayAct = null;
  clockOffset = 0;
  #names = new Map();
  #arrivals = [];
  #changed = eachFrame(() => this.dispatchEvent(new Event("change")));
  #stranger = later(() => this.dispatchEvent(new Event("stranger")), 1500);

  /** The server's time in milliseconds: ages must not depend on a wrong clock of this computer. */
  now() { return Date.now() + this.clockOffset; }

  touch() { this.#changed(); }

  /** What a sensor is called: its name, or its id where another one has the same name. */
  label(sensor) { return this.#names.get(sensor.name) > 1 ? sensor.sensor_id : sensor.name; }

  setSensors(items) {
    const known = this.sensors;
    items.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true, sensitivity: "base" }));
    this.#names = new Map();
    for (const { name } of items) this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
    this.sensors = new Map(items.map((item) => [item.sensor_id, this.#sensor(item, known.get(item.sensor_id))]));
    this.touch();
  }

  #sensor(item, before) {
    const latest = item.latest && { ...item.latest, at: Date.parse(item.latest.time) };
    return {
      ...item,
      unit: item.canonical_unit ?? item.unit,
      maxGap: durationSeconds(item.max_gap) ?? 3600,
      latest: before?.latest && (!latest || before.latest.at > latest.at) ? before.latest : latest,
    };
  }

  /** Take readings; of each sensor the one of the latest time stands, however late it came. */
  take(readings, { counted = true } = {}) {
    for (const reading of readings) {
      const sensor = this.sensors.get(reading.sensor_id);
      if (!sensor) {
        this.#stranger();
        continue;
      }
      const at = Date.parse(reading.time);
      if (!sensor.latest || at >= sensor.latest.at) sensor.latest = { time: reading.time, value: reading.value, quality: reading.quality, at };
    }
    if (counted) this.#arrivals.push([Date.now(), readings.length]);
    this.touch();
  }

  readingsLastMinute() {
    const since = Date.now() - RATE_WINDOW;
    while (this.#arrivals.length && this.#arrivals[0][0] < since) this.#arrivals.shift();
    return this.#arrivals.reduce((sum, [, amount]) => sum + amount, 0);
  }

  age(sensor) { return sensor.latest ? Math.max(0, (this.now() - sensor.latest.at) / 1000) : null; }

  staleness(sensor) {
    const age = this.age(sensor);
    if (age === null) return "never";
    return age <= sensor.maxGap ? "fresh" : "stale";
  }

  /** Sensors of a quantity that are not part of another one: their sum counts nothing twice. */
  roots(quantity) {
    return [...this.sensors.values()].filter(
      (sensor) => sensor.quantity === quantity && sensor.counts !== "false" && !this.sensors.has(sensor.submeter_of),
    );
  }

  /** Power sensors that have no parts of their own. */
  loads() {
    const parents = new Set([...this.sensors.values()].map((sensor) => sensor.submeter_of));
    return [...this.sensors.values()].filter((sensor) => sensor.quantity === "power" && !parents.has(sensor.sensor_id));
  }

  /**
   * Take an event: `{at, tell(subjects)}`, and where several are told in one sentence the `group` that they share
   * and their `subject`.
   */
  addEvent({ at, tell, group = null, subject = null }) {
    const place = group ? this.events.findIndex((one) => one.group === group && Math.abs(at - one.at) < TOGETHER) : -1;
    const subjects = place < 0 ? [] : this.events[place].subjects;
    const event = { at, tell, group, subjects: subject && !subjects.includes(subject) ? [...subjects, subject] : subjects };
    if (place >= 0) this.events[place] = { ...event, at: this.events[place].at };
    else {
      // The topics are replayed one after the other: what is told later may have happened before.
      const older = this.events.findIndex((one) => one.at <= at);
      this.events.splice(older < 0 ? this.events.length : older, 0, event);
    }
    this.events.length = Math.min(this.events.length, 60);
    this.eventsVersion += 1;
    this.touch();
  }
}
