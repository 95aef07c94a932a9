/** The stream of recent events, in plain words. */

import { element, find } from "../modules/dom.js";
import { exactTime, words } from "../modules/format.js";

let shown = null;

export function showEvents(store) {
  const newest = store.events[0];
  if (newest === shown && find("event-list").children.length) return;
  shown = newest;
  const items = store.events.map((event) => element("li", {},
    element("time", { datetime: new Date(event.at).toISOString() }, exactTime(event.at)),
    element("span", { class: "what" }, event.text)));
  find("event-list").replaceChildren(...(items.length ? items : [element("li", { class: "empty" }, "Quiet so far. Changes of devices, sensors and rooms appear here.")]));
}

/** Return an event of the WebSocket as a sentence. */
export function told(message) {
  const data = message.data;
  switch (data.type) {
    case "device_status_changed":
      return data.status === "online"
        ? data.previous === "unknown" ? `${data.device_id} answers.` : `${data.device_id} is back online.`
        : `${data.device_id} is ${data.status}${data.reason ? `: ${words(data.reason)}` : ""}.`;
    case "sensor_created": return `Sensor ${data.sensor_id} was added.`;
    case "sensor_changed": return `Sensor ${data.sensor_id} was changed (${data.changed.map(words).join(", ")}).`;
    case "sensor_deleted": return `Sensor ${data.sensor_id} was deleted.`;
    case "room_created": return `Room ${data.room_name} was added.`;
    case "room_changed": return `Room ${data.room_name} was changed.`;
    case "room_deleted": return `Room ${data.room_name} was deleted.`;
    default: {
      const subject = data.device_id ?? data.sensor_id ?? data.room_name ?? data.event_id;
      const sentence = words(data.type);
      return `${sentence[0].toUpperCase()}${sentence.slice(1)}${subject ? `: ${subject}` : ""}${data.status ? ` (${words(data.status)})` : ""}`;
    }
  }
}
