/** Devices: those with a fault first, each with when it last answered. */

import { element, find, say } from "../modules/dom.js";
import { ago, number } from "../modules/format.js";

const ORDER = { offline: 0, degraded: 1, unknown: 2, online: 3 };

export function showDevices(store) {
  const list = find("device-list");
  if (!store.devices) return;
  const online = store.devices.filter((device) => device.status === "online").length;
  say(find("devices-count"), store.devices.length ? `${online} of ${store.devices.length} online` : "");
  if (!store.devices.length) {
    list.replaceChildren(element("li", { class: "empty" }, "No devices are configured."));
    return;
  }
  const sorted = [...store.devices].sort((one, other) => ORDER[one.status] - ORDER[other.status]);
  const scrolled = list.scrollTop;
  list.replaceChildren(...sorted.map((device) => row(store, device)));
  list.scrollTop = scrolled;
}

function row(store, device) {
  const seen = device.last_seen ? ago(Math.max(0, (store.now() - Date.parse(device.last_seen)) / 1000)) : "never";
  const latency = device.latency_ms?.p50;
  const about = [device.type, device.room_name].filter(Boolean).join(" · ");
  const faulty = device.status !== "online" && device.last_error;
  return element("li", { class: "row" },
    element("span", { class: "dot", "data-state": device.status, "aria-hidden": "true" }),
    element("span", { class: "name", title: device.uri }, device.name),
    element("span", { class: "age" }, device.status === "online" ? seen : `${device.status}, ${seen}`),
    element("span", { class: "about" }, about),
    element("span", { class: "age" }, Number.isFinite(latency) ? `${number(latency)} ms` : ""),
    faulty ? element("span", { class: "about fault" }, device.last_error.detail) : null);
}
