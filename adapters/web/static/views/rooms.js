/** Rooms: the newest of each quantity that is measured there. */

import { element, find, say } from "../modules/dom.js";
import { measured, plural, quantityName } from "../modules/format.js";

const SHOWN = ["power", "temperature", "humidity", "co2", "occupancy", "illuminance"];
const ADDED_UP = new Set(["power", "occupancy"]);
const cards = new Map();

export function showRooms(store, search) {
  const names = new Set(store.rooms.map((room) => room.room_name));
  for (const sensor of store.sensors.values()) if (sensor.room_name) names.add(sensor.room_name);
  const place = find("room-list");
  if (!names.size) {
    place.replaceChildren(element("p", { class: "empty" }, "No rooms yet. A room appears with the first sensor that names it."));
    return;
  }
  const wanted = [...names].sort((one, other) => one.localeCompare(other)).map((name) => card(name, search));
  if (wanted.length !== place.children.length || wanted.some((one, index) => place.children[index] !== one)) place.replaceChildren(...wanted);
  for (const name of names) update(store, name);
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

function update(store, name) {
  const [, values, link] = cards.get(name).children;
  const sensors = [...store.sensors.values()].filter((sensor) => sensor.room_name === name);
  say(link, sensors.length ? plural(sensors.length, "sensor") : "no sensors");
  link.setAttribute("aria-label", `Show the sensors of ${name}`);
  const lines = SHOWN.map((quantity) => [quantity, valueOf(store, sensors, quantity)]).filter(([, text]) => text !== null);
  const text = lines.map((line) => line.join()).join("|");
  if (values.dataset.text === text) return;
  values.dataset.text = text;
  values.replaceChildren(...lines.flatMap(([quantity, shown]) => [element("dt", {}, quantityName(quantity)), element("dd", {}, shown)]));
}

function valueOf(store, sensors, quantity) {
  const here = new Set(sensors.map((sensor) => sensor.sensor_id));
  const all = sensors.filter((sensor) => sensor.quantity === quantity && !here.has(sensor.submeter_of));
  const fresh = all.filter((sensor) => store.staleness(sensor) === "fresh" && sensor.latest.quality !== "BAD");
  if (!all.length) return null;
  if (!fresh.length) return "stale";
  const sum = fresh.reduce((total, sensor) => total + sensor.latest.value, 0);
  const value = ADDED_UP.has(quantity) ? sum : sum / fresh.length;
  return quantity === "occupancy" ? plural(Math.round(value), "person", "people") : measured(value, fresh[0].unit, quantity);
}
