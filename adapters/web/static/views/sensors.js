/** The list of sensors: searched, chosen from, kept up to date row by row. */

import { element, find, say } from "../modules/dom.js";
import { ago, measured, plural, quantityName } from "../modules/format.js";

const FIRST = 100;
const rows = new Map();
let shown = FIRST;
let order = "";

export function startSensors(store, choose, changed) {
  find("search").addEventListener("input", () => { shown = FIRST; changed(); });
  find("more-sensors").addEventListener("click", () => { shown += 200; changed(); });
  find("sensor-list").addEventListener("click", (event) => {
    const row = event.target.closest("button.row");
    if (row) choose(row.dataset.sensor);
  });
  find("sensor-list").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const all = [...find("sensor-list").querySelectorAll("button.row")];
    all[all.indexOf(document.activeElement) + step]?.focus();
    event.preventDefault();
  });
}

export function searchFor(text) {
  const search = find("search");
  search.value = text;
  search.dispatchEvent(new Event("input"));
  search.focus();
}

const matches = (sensor, terms) => {
  const text = `${sensor.sensor_id} ${sensor.name} ${sensor.room_name ?? ""} ${sensor.device_id ?? ""} ${quantityName(sensor.quantity)} ${sensor.quantity}`.toLowerCase();
  return terms.every((term) => text.includes(term));
};

export function showSensors(store, chosen) {
  const terms = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [...store.sensors.values()].filter((sensor) => matches(sensor, terms));
  const visible = found.slice(0, shown);
  const list = find("sensor-list");
  say(find("sensors-count"), terms.length ? `${found.length} of ${store.sensors.size}` : plural(found.length, "sensor"));
  find("more-sensors").hidden = found.length <= visible.length;

  const wanted = visible.map((sensor) => sensor.sensor_id).join("\n") || `empty ${terms.length}`;
  if (wanted !== order) {
    order = wanted;
    const focused = document.activeElement?.dataset?.sensor;
    list.replaceChildren(...(visible.length ? visible.map((sensor) => rowOf(sensor)) : [empty(store, terms)]));
    if (focused && rows.get(focused)?.isConnected) rows.get(focused).firstChild.focus();
  }
  for (const sensor of visible) update(store, sensor, sensor.sensor_id === chosen);
}

function empty(store, terms) {
  const text = terms.length ? "No sensor matches." : "No sensors yet. They appear as soon as a device is polled or one is created.";
  return element("li", { class: "empty" }, text);
}

function rowOf(sensor) {
  if (!rows.has(sensor.sensor_id)) {
    rows.set(sensor.sensor_id, element("li", {},
      element("button", { type: "button", class: "row", "data-sensor": sensor.sensor_id },
        element("span", { class: "dot", "aria-hidden": "true" }), element("span", { class: "name" }), element("span", { class: "value" }),
        element("span", { class: "about" }), element("span", { class: "age" }))));
  }
  return rows.get(sensor.sensor_id);
}

function update(store, sensor, isChosen) {
  const row = rowOf(sensor).firstChild;
  const [dot, name, value, about, age] = row.children;
  const state = store.staleness(sensor);
  dot.dataset.state = state;
  row.classList.toggle("aged", state !== "fresh");
  if (isChosen) row.setAttribute("aria-current", "true");
  else row.removeAttribute("aria-current");
  say(name, store.label(sensor));
  row.title = sensor.sensor_id;
  say(value, sensor.latest ? measured(sensor.latest.value, sensor.unit, sensor.quantity) : "–");
  const quality = sensor.latest && sensor.latest.quality !== "OK" ? ` · ${sensor.latest.quality.toLowerCase()}` : "";
  say(about, `${sensor.room_name ?? quantityName(sensor.quantity)}${quality}`);
  const seconds = store.age(sensor);
  say(age, seconds === null ? "never" : state === "stale" ? `stale, ${ago(seconds)}` : ago(seconds));
}
