/** What can be shed: now, by device with what stands against it, and in each of the next hours. */

import { element, find, rebuild, say } from "../modules/dom.js";
import { ago, durationSeconds, number, plural, timeOfDay } from "../modules/format.js";
import { isFree } from "../modules/demand_response.js";
import { kw, lasting, percent, sentence } from "../modules/dr_words.js";

let chosen = null;
let pointed = null;

export function startFlexibility(store) {
  find("dr-devices").addEventListener("click", (event) => {
    const row = event.target.closest("button.row");
    if (!row) return;
    chosen = chosen === row.dataset.focus ? null : row.dataset.focus;
    store.touch();
  });
  const chart = find("dr-hours");
  const point = (event) => {
    const bar = event.target.closest(".hour");
    pointed = bar ? Number(bar.dataset.place) : null;
    store.touch();
  };
  chart.addEventListener("pointermove", point);
  chart.addEventListener("pointerdown", point);
  chart.addEventListener("pointerleave", () => { pointed = null; store.touch(); });
}

export function showFlexibility(store) {
  const { flexibility, profiles } = store.demand;
  if (!flexibility) return;
  if (!flexibility.some((one) => one.device_id === chosen)) chosen = null;
  const able = flexibility.filter((one) => one.now_kw > 0 && isFree(one)).length;
  say(find("shed-now"), flexibility.length ? number(store.demand.nowKw()) : "–");
  say(find("shed-hint"), flexibility.length ? `by ${able} of ${plural(flexibility.length, "device")}` : "No device can take part yet");
  find("dr-hours-part").hidden = !flexibility.length;
  showHours(flexibility.filter((one) => !chosen || one.device_id === chosen));
  const told = flexibility.map((one) => device(one, profiles.get(one.device_id), store.demand.servedBy(one.device_id)));
  rebuild(find("dr-devices"), [told, chosen], () => (told.length ? told.map(row) : [element("li", { class: "empty" },
    "Devices that are polled take part where their configuration says so (control.demandresponse); others with PUT /api/v1/demand-response/devices/{device_id}.")]));
}

/** The hours of these devices added up; what is not known of one is left out, and said. */
function added(devices) {
  return (devices[0]?.hours ?? []).map(({ start }, place) => {
    const values = devices.map((one) => one.hours[place]?.kw).filter((value) => typeof value === "number");
    return { at: Date.parse(start), kw: values.length ? values.reduce((total, value) => total + value, 0) : null, unknown: devices.length - values.length };
  });
}

function showHours(devices) {
  const hours = added(devices);
  const most = Math.max(...hours.map((hour) => hour.kw ?? 0), 0);
  const place = find("dr-hours");
  rebuild(place, hours, () => hours.map((hour, index) => element("span", { class: "hour", "data-place": index, "data-known": String(hour.kw !== null) }, element("span"))));
  [...place.children].forEach((bar, index) => {
    bar.firstChild.style.height = `${hours[index].kw === null ? 100 : most ? Math.max(1.5, (100 * hours[index].kw) / most) : 1.5}%`;
    bar.dataset.pointed = String(index === pointed);
  });
  rebuild(find("dr-hours-axis"), hours.map((hour) => hour.at), () => [0, 6, 12, 18].filter((index) => hours[index]).map((index) => element("span", {}, timeOfDay(hours[index].at))));
  const best = hours.reduce((first, hour) => ((hour.kw ?? -1) > (first?.kw ?? -1) ? hour : first), null);
  const known = hours.filter((hour) => hour.kw !== null);
  const text = !known.length ? "Nothing is known of these hours yet" : most ? `${known.length > 1 ? `${number(Math.min(...known.map((hour) => hour.kw)))} to ` : ""}${kw(most)}, the most from ${timeOfDay(best.at)}` : "Nothing can be shed in these hours";
  place.setAttribute("aria-label", `What can be shed in the next 24 hours${chosen ? ` by ${chosen}` : ""}: ${text}`);
  const hour = hours[pointed];
  say(find("dr-hours-title"), chosen ? `Next 24 hours, ${chosen}` : "Next 24 hours");
  say(find("dr-hours-about"), hour ? `${timeOfDay(hour.at)} – ${timeOfDay(hour.at + 3_600_000)}: ${hour.kw === null ? "not known" : kw(hour.kw)}${hour.kw !== null && hour.unknown ? `, ${plural(hour.unknown, "device")} not known` : ""}` : text);
}

function device(one, profile, serves) {
  const { power_kw: power, age_seconds: age, p10, p50, p90, delivered_ratio: ratio } = one.evidence;
  const usual = typeof p50 === "number" ? `usually ${number(p10)}–${number(p90)}` : null;
  const drawn = typeof power === "number" ? `draws ${kw(power)}${age > 120 ? ` (${ago(age)})` : ""}` : null;
  const by = profile?.control.kind === "none" ? "switched by hand" : null;
  const reached = typeof ratio === "number" ? `delivered ${percent(ratio)} of what it promised` : null;
  const rest = profile?.max_duration ? `for ${lasting(durationSeconds(profile.max_duration))} at most` : null;
  return {
    id: one.device_id, now: one.now_kw, room: profile?.room_name ?? null, serves,
    // Which event it serves is said once.
    limits: one.limits.map((limit) => (serves && limit.code === "serves_another" ? "More only for an event of a higher priority" : sentence(limit.detail))),
    about: [drawn, usual].filter(Boolean).join(", "), more: [reached, rest, by].filter(Boolean).join(", "),
  };
}

function row(one) {
  return element("li", {}, element("button", { type: "button", class: "row shed", "data-focus": one.id, "aria-pressed": String(one.id === chosen), "aria-current": one.id === chosen ? "true" : null, title: "Show the hours of this device alone" },
    element("span", { class: "dot", "data-state": one.now > 0 ? "fresh" : one.limits.length ? "stale" : "unknown", "aria-hidden": "true" }),
    element("span", { class: "name" }, one.id, one.room ? element("span", { class: "hint" }, ` ${one.room}`) : null),
    element("span", { class: "value" }, kw(one.now)),
    one.serves ? element("span", { class: "about serves" }, `Serves ${one.serves}`) : null,
    one.about ? element("span", { class: "about" }, one.about) : null,
    one.more ? element("span", { class: "about" }, sentence(one.more)) : null,
    ...one.limits.map((limit) => element("span", { class: "about limit" }, limit))));
}
