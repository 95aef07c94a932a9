/** The stream of recent events, in plain words. */

import { element, find } from "../modules/dom.js";
import { count, exactTime, plural, words } from "../modules/format.js";

let shown = null;

export function showEvents(store) {
  if (store.eventsVersion === shown) return;
  shown = store.eventsVersion;
  const items = store.events.map((event) => element("li", {},
    element("time", { datetime: new Date(event.at).toISOString() }, exactTime(event.at)),
    element("span", { class: "what" }, event.tell(event.subjects))));
  find("event-list").replaceChildren(...(items.length ? items : [element("li", { class: "empty" }, "Quiet so far. Changes of devices, sensors and rooms appear here.")]));
}

/** Whether an event says something new to people: not each step of a scan does. */
export const isNews = ({ data }) => !(data.type === "scan_progressed" && data.status === "running");

function fileEnded(data) {
  if (data.status === "failed") return `${data.path} cannot be read${data.error ? `: ${words(data.error)}` : ""}.`;
  if (data.status === "duplicate") return `${data.path} holds what another file holds.`;
  const refused = data.rejected ? `, ${count(data.rejected)} refused` : "";
  return `${data.path} was read: ${plural(data.received, "value")}${refused}.`;
}

function silent(sensors, one, many, what) {
  const names = sensors.slice(0, 3).map((sensor) => sensor.sensor_id).join(", ");
  if (sensors.length === 1) return `${names} ${one} ${what}.`;
  return sensors.length > 3 ? `${count(sensors.length)} sensors ${many} ${what}: ${names} and others.` : `${names} ${many} ${what}.`;
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
    case "iot_configuration_changed": return "The configuration of the devices was changed.";
    case "file_ended": return fileEnded(data);
    case "file_uploaded": return `${data.path} was uploaded.`;
    case "file_read_again": return "A meter file is to be read again.";
    case "collection_found": return `Collection ${data.collection} was found.`;
    case "scan_requested": return "A scan of the FTP server was asked for.";
    case "scan_progressed": return data.status === "failed"
      ? `The scan of the FTP server failed${data.error ? `: ${words(data.error)}` : ""}.`
      : `The FTP server was scanned: ${plural(data.files_done, "file")} read of ${count(data.files_seen)}.`;
    case "ftp_status_changed": return data.status === "online"
      ? "The FTP server answers."
      : `The FTP server is ${data.status}${data.reason ? `: ${words(data.reason)}` : ""}.`;
    case "no_data_alarms_raised": return silent(data.sensors, "sends", "send", "no data any more");
    case "no_data_alarms_ended": return silent(data.sensors, "sends", "send", "data again");
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
