/** The words of demand response, as people say them. */

import { number, timeOfDay } from "./format.js";

export const STATUS = { draft: "draft", far: "scheduled", near: "starts soon", active: "active", completed: "completed", cancelled: "cancelled" };
export const ANSWERS = { invited: "no answer yet", opt_in: "takes part", opt_out: "stays out", expired: "no answer in time" };
export const OUTCOMES = { pending: "on its way", delivered: "taken", failed: "failed", superseded: "set aside", manual: "by hand" };
export const ENDS = {
  event_ended: "let go at the end", event_cancelled: "let go, the event was cancelled", opt_out: "opted out", max_duration: "let go after its longest time",
  taken_over: "went to a more important event", failed: "could not be told",
};
export const COMMANDS = {
  dispatch: "for the event", replacement: "in place of another device", event_ended: "the event is over", event_cancelled: "the event was cancelled", opt_out: "it opted out",
  max_duration: "its longest time was reached", given_up: "to be sure, since it never answered",
};
export const METHODS = {
  "10_of_10": "10 of 10: the mean of the last ten days of this kind", high_5_of_10: "High 5 of 10: the five highest of the last ten days of this kind",
  high_4_of_5: "High 4 of 5: the four highest of the last five days of this kind", middle_8_of_10: "Middle 8 of 10: the last ten days of this kind, without the highest and the lowest",
  meter_before_after: "Meter before and after: the load just before",
};
export const MISSING = {
  too_few_days: "there are too few comparable days before it", before_not_known: "the three hours before were not metered", event_not_known: "its own time was not metered well enough",
};
const UNADJUSTED = {
  not_asked: "none was asked for", method: "this method looks at no other day", resolution: "the time before is no whole number of intervals", window_not_over: "the time that it looks at is not over",
  too_few_days: "there are too few comparable days", coverage: "the hours before were not metered well enough", baseline_not_positive: "the usual load before is not above 0",
};

/** What is asked for, in a few words. */
export function target({ type, value, unit }) {
  switch (type) {
    case "LOAD_REDUCTION": return `${number(value)} kW less`;
    case "IMPORT_CAPACITY_LIMIT": return `at most ${number(value)} kW from the grid`;
    case "PRICE": return `${number(value)} ${unit ?? ""}`.trim();
    default: return `level ${value} of 3`;
  }
}

const TARGET_NAMES = { LOAD_REDUCTION: "Target", IMPORT_CAPACITY_LIMIT: "Limit", PRICE: "Price", SIMPLE: "Level" };
export const targetName = ({ type }) => TARGET_NAMES[type] ?? "Target";

export const kw = (value) => (typeof value === "number" ? `${number(value)} kW` : "–");
export const kwh = (value) => (typeof value === "number" ? `${number(value)} kWh` : "–");
export const percent = (value) => (typeof value === "number" ? `${Math.round(100 * value)} %` : "–");

/** How long something takes. */
export function lasting(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes >= 48 * 60) return `${Math.round(minutes / 1440)} days`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}

const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const midnight = (time) => new Date(time).setHours(0, 0, 0, 0);

function dayOf(time, now) {
  const days = Math.round((midnight(time) - midnight(now)) / 86_400_000);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days] ?? day.format(time);
}

/** A moment: with the day where that is not today. */
export function moment(text, now) {
  const time = Date.parse(text);
  return midnight(time) === midnight(now) ? timeOfDay(time) : `${dayOf(time, now)} ${timeOfDay(time)}`;
}

/** From when until when. */
export function span(start, end, now) {
  const [from, to] = [Date.parse(start), Date.parse(end)];
  const until = midnight(from) === midnight(to) ? timeOfDay(to) : `${dayOf(to, now)} ${timeOfDay(to)}`;
  return `${dayOf(from, now)} ${timeOfDay(from)} – ${until}`;
}

/** How far an event is: when it starts or ends. */
export function countdown(event, now) {
  const [start, end] = [Date.parse(event.start), Date.parse(event.end)];
  if (event.status === "active") return end > now ? `${lasting((end - now) / 1000)} left` : "ending";
  if (event.status === "far" || event.status === "near") return start > now ? `in ${lasting((start - now) / 1000)}` : "starting";
  return lasting((end - start) / 1000);
}

/** Who did something: a key's name without its id. */
export const who = (actor) => (actor === "system" ? "by itself" : `by ${(actor ?? "somebody").replace(/ \([0-9a-f-]{36}\)$/, "")}`);

/** What was done to a baseline, in words. */
export function adjustment({ kind, reason, raw, applied, window }) {
  if (kind === "none") return `not adjusted: ${UNADJUSTED[reason] ?? reason}`;
  const [unit, times] = kind === "additive" ? [" kW", "plus"] : ["", "times"];
  const bounded = raw !== null && Math.abs(raw - applied) > 1e-9 ? `, held within its bounds from ${number(raw)}${unit}` : "";
  const when = window ? `, by the load from ${timeOfDay(Date.parse(window.start))} to ${timeOfDay(Date.parse(window.end))} of that day` : "";
  return `${times} ${number(applied)}${unit}${bounded}${when}`;
}

/** Sentences begin with a capital letter. */
export const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
