/** Rooms: their newest metrics; without any, or where those are old, the newest reading of each quantity. */

import { element, find, say } from "../modules/dom.js";
import { measured, number, plural, quantityName, timeOfDay } from "../modules/format.js";

const SHOWN = ["power", "temperature", "humidity", "co2", "occupancy", "illuminance"];
const ADDED_UP = new Set(["power"]);
const MEASURED = { power: ["power_kw", "kW"], temperature: ["temperature", "degC"], humidity: ["humidity", "percent"], co2: ["co2", "ppm"] };
const cards = new Map();

export function showRooms(store, search) {
  const rooms = new Map(store.rooms.map((room) => [room.room_name, room]));
  const names = new Set(rooms.keys());
  for (const sensor of store.sensors.values()) if (sensor.room_name) names.add(sensor.room_name);
  const place = find("room-list");
  if (!names.size) {
    place.replaceChildren(element("p", { class: "empty" }, "No rooms yet. A room appears with the first sensor that names it."));
    return;
  }
  const wanted = [...names].sort((one, other) => one.localeCompare(other)).map((name) => card(name, search));
  if (wanted.length !== place.children.length || wanted.some((one, index) => place.children[index] !== one)) place.replaceChildren(...wanted);
  for (const name of names) update(store, name, rooms.get(name)?.metrics ?? null);
}

function card(name, search) {
  if (!cards.has(name)) {
    cards.set(name, element("article", { class: "room" },
      element("h3", {}, element("span", {}, name)),
      element("dl"),
      element("button", { type: "button", class: "quiet", onclick: () => search(name) })));
  }
  return cards.get(name);
}

function update(store, name, metrics) {
  const [, values, link] = cards.get(name).children;
  const sensors = [...store.sensors.values()].filter((sensor) => sensor.room_name === name);
  say(link, sensors.length ? plural(sensors.length, "sensor") : "no sensors");
  link.setAttribute("aria-label", `Show the sensors of ${name}`);
  const lines = metrics && !metrics.stale ? told(store, sensors, metrics) : read(store, sensors);
  const text = lines.map((line) => line.join()).join("|");
  if (values.dataset.text === text) return;
  values.dataset.text = text;
  values.replaceChildren(...lines.flatMap(([label, shown]) => [element("dt", {}, label), element("dd", {}, shown)]));
}

/** The metrics; a quantity that a sensor measures is there even where its value is not known. */
function told(store, sensors, metrics) {
  const measures = new Set(sensors.map((sensor) => sensor.quantity));
  const lines = Object.entries(MEASURED).map(([quantity, [field, unit]]) => [quantityName(quantity), figure(metrics[field], unit, quantity, measures.has(quantity))]);
  lines.splice(1, 0, ["Energy today", figure(metrics.energy_kwh, "kWh", "energy", measures.has("energy") || measures.has("power"))]);
  lines.push(["Occupancy", occupancy(metrics, measures.has("occupancy"))]);
  lines.push([quantityName("illuminance"), newest(store, sensors, "illuminance")]);
  lines.push(["Comfort", comfort(metrics)]);
  lines.push(["As of", timeOfDay(Date.parse(metrics.end))]);
  return lines.filter(([, text]) => text !== null);
}

const figure = (value, unit, quantity, expected) => (value === null ? (expected ? "no data" : null) : measured(value, unit, quantity));

function occupancy(metrics, expected) {
  if (metrics.occupancy === null) return expected ? "no data" : null;
  const people = plural(Math.round(metrics.occupancy), "person", "people");
  return metrics.occupancy_estimated ? `about ${people}` : people;
}

function comfort(metrics) {
  if (metrics.comfort === null) return null;
  const share = metrics.comfort_share;
  const partly = share !== null && share > 0 && share < 1 ? `, ${number(100 * share)} % of the time` : "";
  return metrics.comfort ? `yes${partly}` : `no${partly}`;
}

function read(store, sensors) {
  return SHOWN.map((quantity) => [quantityName(quantity), newest(store, sensors, quantity)]).filter(([, text]) => text !== null);
}

function newest(store, sensors, quantity) {
  const here = new Set(sensors.map((sensor) => sensor.sensor_id));
  const all = sensors.filter((sensor) => sensor.quantity === quantity && !here.has(sensor.submeter_of));
  const fresh = all.filter((sensor) => store.staleness(sensor) === "fresh" && sensor.latest.quality !== "BAD");
  if (!all.length) return null;
  if (!fresh.length) return "stale";
  const sum = fresh.reduce((total, sensor) => total + sensor.latest.value, 0);
  const value = ADDED_UP.has(quantity) ? sum : sum / fresh.length;
  return quantity === "occupancy" ? plural(Math.round(value), "person", "people") : measured(value, fresh[0].unit, quantity);
}
