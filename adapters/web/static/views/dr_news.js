/** Demand response in the stream of recent events: what devices do together is one sentence. */

import { number, words } from "../modules/format.js";
import { kwh } from "../modules/dr_words.js";

const FLEXIBILITY = { registered: "can take part in demand response", changed: "takes part in demand response on other terms", deleted: "takes no part in demand response any more" };
const SHOWN_NAMES = 3;

/** Whether it is news to people: not what is only noted, nor that a few kW more or less can be shed. */
export function isDemandNews({ data }) {
  if (data.type === "flexibility") return data.status in FLEXIBILITY && data.status !== "changed";
  if (data.type === "command") return data.status !== "superseded" && !(data.status === "pending" && !data.attempts);
  return true;
}

/** What tells events of several devices apart: those that share it are told as one. */
export const groupOf = ({ data }) => (data.device_id ? [data.event_id, data.type, data.status, data.kind, data.answered_by, data.rule].join() : null);

function named(devices) {
  const more = devices.length - SHOWN_NAMES;
  if (more > 1) return `${devices.slice(0, SHOWN_NAMES).join(", ")} and ${more} more`;
  return devices.length > 1 ? `${devices.slice(0, -1).join(", ")} and ${devices.at(-1)}` : devices[0];
}

/** Return an event as a sentence; `devices` are those of its group. */
export function demandTold({ data }, name, devices) {
  const event = name ?? "an event";
  const many = devices.length > 1;
  switch (data.type) {
    case "event_status": return statusTold(data, name ?? "An event");
    case "invitation": return invitationTold(data, event, named(devices), many);
    case "command": return commandTold(data, event, named(devices), many);
    default: return `${named(devices)} ${many ? FLEXIBILITY[data.status].replace("takes", "take") : FLEXIBILITY[data.status]}.`;
  }
}

function statusTold({ status, previous, report, reason, missed }, event) {
  if (report) {
    if (report.reduction_kw === null) return `${event}: what it brought cannot be measured.`;
    const again = report.version > 1 ? "measured anew" : "measured";
    return `${event} was ${again}: ${number(report.reduction_kw)} kW less on average, ${kwh(report.energy_kwh)} in all.`;
  }
  const why = reason ? `: ${reason}` : "";
  switch (status) {
    case "draft": return `${event} was drafted.`;
    case "far": return `${event} was scheduled.`;
    case "near": return `${event} starts soon.`;
    case "active": return `${event} began${reason ? ` (${reason})` : ""}.`;
    case "completed":
      if (missed) return `${event} is over, and no device was told: ${words(missed)}.`;
      return previous ? `${event} is over.` : `${event} was recorded.`;
    default: return `${event} was cancelled${why}.`;
  }
}

function invitationTold({ status, answered_by: by, reason, committed_kw: kw }, event, devices, many) {
  const rule = by === "rule" ? ", by rule" : "";
  switch (status) {
    case "invited": return `${devices} ${many ? "were" : "was"} invited to ${event}.`;
    case "opt_in": return `${devices} ${many ? "take" : "takes"} part in ${event}${rule}${!many && typeof kw === "number" ? `, with ${number(kw)} kW` : ""}.`;
    case "opt_out": return `${devices} ${many ? "stay" : "stays"} out of ${event}${rule}${!many && !rule && reason ? `: ${reason}` : ""}.`;
    default: return `${devices} did not answer ${event} in time.`;
  }
}

function commandTold({ status, kind, reduction_kw: kw, shed_kw: shed, detail }, event, devices, many) {
  const much = !many && typeof kw === "number" ? ` ${number(kw)} kW` : "";
  const order = kind === "restore" ? "to come back" : `to shed${much}`;
  switch (status) {
    case "followed": return `${devices} ${many ? "follow" : "follows"} ${event}${!many && typeof shed === "number" ? `: ${number(shed)} kW less by its meter` : ", by their meters"}.`;
    case "not_followed": return `${devices} ${many ? "do" : "does"} not follow ${event}; others step in where there are any.`;
    case "delivered": return `${devices} ${many ? "were" : "was"} told ${order} (${event}).`;
    case "manual": return `${devices} ${many ? "are" : "is"} to be told ${order} by hand (${event}).`;
    case "failed": return `${devices} could not be told ${order}${detail ? `: ${words(detail)}` : ""}.`;
    default: return `${devices} did not answer${detail ? ` (${words(detail)})` : ""}; trying again.`;
  }
}
