/** Devices: those with a fault first, each with when it last answered. */

import { element, find, say } from "../modules/dom.js";
import { ago } from "../modules/format.js";

const ORDER = { offline: 0, degraded: 1, unknown: 2, online: 3 };
const rows = new Map();

export function showDevices(store) {
  if (!store.devices) return;
  const online = store.devices.filter((device) => device.status === "online").length;
  say(find("devices-count"), store.devices.length ? `${online} of ${store.devices.length} online` : "");
  const list = find("device-list");
  if (!store.devices.length) {
    list.replaceChildren(element("li", { class: "empty" }, "No devices are configured."));
    return;
  }
  const sorted = [...store.devices].sort((one, other) => ORDER[one.status] - ORDER[other.status]);
  const wanted = sorted.map((device) => update(store, device));
  if (wanted.length !== list.children.length || wanted.some((row, place) => list.children[place] !== row)) list.replaceChildren(...wanted);
}

function update(store, device) {
  if (!rows.has(device.device_id)) {
    rows.set(device.device_id, element("li", { class: "row" },
      element("span", { class: "dot", "aria-hidden": "true" }), element("span", { class: "name" }), element("span", { class: "age" }),
      element("span", { class: "about" }), element("span", { class: "age" }), element("span", { class: "about fault" })));
  }
  const row = rows.get(device.device_id);
  const [dot, name, seen, about, latency, fault] = row.children;
  const age = device.last_seen ? ago(Math.max(0, (store.now() - Date.parse(device.last_seen)) / 1000)) : "never";
  const p50 = device.latency_ms?.p50;
  dot.dataset.state = device.status;
  say(name, device.name);
  name.title = device.uri;
  say(seen, device.status === "online" ? age : `${device.status}, ${age}`);
  say(about, [device.type.replaceAll("_", " "), device.room_name].filter(Boolean).join(" · "));
  say(latency, Number.isFinite(p50) ? `${p50 < 1 ? "<1" : Math.round(p50)} ms` : "");
  say(fault, device.status !== "online" && device.last_error ? device.last_error.detail : "");
  fault.hidden = !fault.textContent;
  return row;
}
