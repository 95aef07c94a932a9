/** What is going on now: power, where it goes, and how many of everything. */

import { element, find, say } from "../modules/dom.js";
import { count, number, plural } from "../modules/format.js";

const SHOWN_LOADS = 6;
const rows = new Map();

export function showOverview(store, choose) {
  showPower(store, choose);
  const energy = store.energyToday;
  say(find("energy-today"), number(energy?.value));
  say(find("energy-hint"), energy?.note ?? "since midnight");

  const sensors = [...store.sensors.values()];
  const states = tally(sensors.map((sensor) => store.staleness(sensor)));
  say(find("count-sensors"), count(sensors.length));
  say(find("hint-sensors"), describe(states, [["fresh", "fresh"], ["stale", "stale"], ["never", "silent"]]) || "none yet");

  showAlarms(store, choose);

  if (store.devices) {
    const statuses = tally(store.devices.map((device) => device.status));
    say(find("count-devices"), store.devices.length ? `${count(statuses.online ?? 0)} / ${count(store.devices.length)}` : "0");
    const faulty = describe(statuses, [["degraded", "degraded"], ["offline", "offline"], ["unknown", "not polled yet"]]);
    say(find("hint-devices"), faulty || (store.devices.length ? "all online" : "none configured"));
  }
  say(find("count-readings"), count(store.readingsLastMinute()));
  if (store.rejected) {
    say(find("count-rejected"), store.rejected.total === null ? "–" : count(store.rejected.total));
    say(find("hint-rejected"), store.rejected.note);
  }
  say(find("count-rooms"), count(store.rooms.length));
  const occupied = sensors.filter((one) => one.quantity === "occupancy" && store.staleness(one) === "fresh");
  const people = occupied.reduce((sum, one) => sum + one.latest.value, 0);
  say(find("hint-rooms"), occupied.length ? `${plural(Math.round(people), "person", "people")} counted` : "");
}

/** Name the sensors from which no data come; each leads to its chart. */
function showAlarms(store, choose) {
  const named = (store.alarms?.first ?? []).filter((sensorId) => store.sensors.has(sensorId));
  const more = (store.alarms?.total ?? 0) - named.length;
  const place = find("alarms");
  place.hidden = !named.length;
  const key = JSON.stringify([named, more]);
  if (place.dataset.shown === key) return;
  place.dataset.shown = key;
  const links = named.map((sensorId) => element("button", { type: "button", class: "quiet", onclick: () => choose(sensorId) }, store.label(store.sensors.get(sensorId))));
  place.replaceChildren("No data: ", ...links.flatMap((link, index) => (index ? [", ", link] : [link])), more > 0 ? ` and ${count(more)} more` : "");
}

function tally(states) {
  const sums = {};
  for (const state of states) sums[state] = (sums[state] ?? 0) + 1;
  return sums;
}

const describe = (sums, names) => names.filter(([state]) => sums[state]).map(([state, name]) => `${count(sums[state])} ${name}`).join(" · ");

function showPower(store, choose) {
  const roots = store.roots("power");
  const fresh = roots.filter((sensor) => store.staleness(sensor) === "fresh");
  const power = fresh.reduce((sum, sensor) => sum + sensor.latest.value, 0);
  say(find("power-now"), fresh.length ? number(power) : "–");
  say(find("power-hint"), powerHint(roots, fresh, power));

  const loads = store.loads().filter((one) => store.staleness(one) === "fresh" && Math.abs(one.latest.value) >= 0.005);
  loads.sort((one, other) => Math.abs(other.latest.value) - Math.abs(one.latest.value));
  const shown = loads.slice(0, SHOWN_LOADS);
  const most = Math.max(...shown.map((one) => Math.abs(one.latest.value)), 0.001);
  const wanted = shown.map((sensor) => loadRow(store, sensor, most, choose));
  const place = find("loads");
  if (wanted.some((row, index) => place.children[index] !== row) || place.children.length !== wanted.length) {
    const focused = document.activeElement;
    place.replaceChildren(...wanted);
    if (place.contains(focused)) focused.focus();
  }
}

function powerHint(roots, fresh, power) {
  if (!roots.length) return "No power sensors yet";
  if (!fresh.length) return "No fresh reading of power";
  const parts = [power < 0 ? "more is generated than used" : `at this pace ${number(power * 24)} kWh a day`];
  if (roots.length > 1) parts.push(`${plural(fresh.length, "meter")} added up`);
  if (fresh.length < roots.length) parts.push(`${roots.length - fresh.length} silent`);
  return parts.join(" · ");
}

function loadRow(store, sensor, most, choose) {
  let row = rows.get(sensor.sensor_id);
  if (!row) {
    row = element("button", { type: "button", class: "load", onclick: () => choose(sensor.sensor_id) },
      element("span", { class: "name" }), element("span", { class: "bars", "aria-hidden": "true" }, element("span")), element("span", { class: "value" }));
    rows.set(sensor.sensor_id, row);
  }
  const [name, bars, value] = row.children;
  say(name, store.label(sensor).replace(/[ .]power$/i, ""));
  row.title = sensor.sensor_id;
  row.dataset.kind = sensor.latest.value < 0 ? "source" : "load";
  bars.firstChild.style.width = `${Math.max(1.5, (100 * Math.abs(sensor.latest.value)) / most).toFixed(1)}%`;
  say(value, `${number(sensor.latest.value)} kW`);
  return row;
}
