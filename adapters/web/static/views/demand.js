/** Demand response: what can be shed now and in the coming hours, and the events. */

import { element, find, rebuild, say } from "../modules/dom.js";
import { count, number } from "../modules/format.js";
import { countdown, kw, moment, span, target, targetName } from "../modules/dr_words.js";
import { openDemandEvent, showOpenDemandEvent } from "./dr_event.js";
import { chip } from "./dr_parts.js";
import { showFlexibility, startFlexibility } from "./dr_flexibility.js";
import { openReduction, showReduction } from "./dr_reduce.js";

const GROUPS = [["active", "Active"], ["upcoming", "Upcoming"], ["drafts", "Drafts"], ["past", "Past"]];

export function startDemand(store, api) {
  startFlexibility(store);
  find("dr-open").addEventListener("click", () => {
    find("demand-card").scrollIntoView({ block: "start" });
    find("demand-card").focus({ preventScroll: true });
  });
  find("reduce-load").addEventListener("click", () => openReduction(store, api));
  find("more-dr").addEventListener("click", () => store.demand.more().catch(() => {}));
  find("dr-events").addEventListener("click", (event) => {
    const row = event.target.closest("button.dr-event");
    if (row) openDemandEvent(store, api, row.dataset.focus);
  });
}

export function showDemand(store) {
  const model = store.demand;
  showTile(store, model);
  find("reduce-load").disabled = store.mayAct !== true || !model.flexibility?.length;
  find("demand-look").hidden = store.mayAct !== false;
  showFlexibility(store);
  showList(store, model);
  showOpenDemandEvent(store);
  showReduction(store);
}

function showTile(store, model) {
  if (!model.open) return;
  const now = store.now();
  const [active, upcoming] = [model.active(), model.upcoming()];
  const shed = model.nowKw();
  find("dr-tile").dataset.state = active.length ? "active" : upcoming.length ? "upcoming" : "quiet";
  say(find("dr-count"), active.length ? `${count(active.length)} active` : upcoming.length ? `${count(upcoming.length)} upcoming` : "No event");
  const [first] = [...active, ...upcoming];
  const can = model.flexibility?.length ? `${kw(shed)} can be shed now` : "no device can take part yet";
  say(find("dr-hint"), first ? [first.event_name, first.status === "active" ? running(model, first) : moment(first.start, now), countdown(first, now)].join(" · ") : can);
}

function running(model, event) {
  const measured = model.measured(event);
  return measured ? `${number(measured.kw)} kW less by the meters` : target(event.signal);
}

function showList(store, model) {
  const list = find("dr-events");
  say(find("demand-count"), model.open ? described(model) : "");
  find("more-dr").hidden = !model.past || model.past.length >= Math.min(model.pastTotal, 1000);
  if (!model.open) { say(list, "Loading"); return; }
  const now = store.now();
  const groups = { active: model.active(), upcoming: model.upcoming(), drafts: model.open.filter((event) => event.status === "draft"), past: model.past };
  const shown = GROUPS.filter(([key]) => groups[key].length).map(([key, title]) => [title, groups[key].map((event) => told(model, event, now))]);
  rebuild(list, shown, () => (shown.length ? shown.map(([title, events]) => group(title, events)) : [
    element("p", { class: "empty" }, "No event yet. “Reduce load” makes one: you see who would shed how much before anything happens. Programs and other events come over the API."),
  ]));
  for (const bar of list.querySelectorAll(".elapsed span")) bar.style.width = `${bar.dataset.share}%`;
  for (const bar of list.querySelectorAll(".reached span")) bar.style.width = `${bar.dataset.share}%`;
}

function described(model) {
  const parts = [[model.active().length, "active"], [model.upcoming().length, "upcoming"], [model.pastTotal, "past"]];
  return parts.filter(([amount]) => amount).map(([amount, word]) => `${count(amount)} ${word}`).join(" · ");
}

/** What a row says, in words: it is built anew only where these change. */
function told(model, event, now) {
  const committed = model.committed(event);
  const measured = model.measured(event);
  const wanted = event.signal.type === "LOAD_REDUCTION" ? event.signal.value : committed;
  const active = event.status === "active";
  return {
    id: event.event_id, name: event.event_name, status: event.status, test: event.test_event,
    when: span(event.start, event.end, now), left: countdown(event, now),
    target: [targetName(event.signal), target(event.signal).replace(/ less$/, "").replace(/ from the grid$/, "")],
    committed: kw(committed),
    measured: measured ? (measured.kw === null ? (measured.status === "PENDING" ? "soon" : "not measurable") : kw(measured.kw)) : "–",
    measuredName: active ? "Shed now" : event.status === "completed" || measured ? "Measured" : null,
    reached: measured?.kw !== null && measured?.kw !== undefined && wanted ? Math.round(Math.min(100, Math.max(0, (100 * measured.kw) / wanted))) : null,
    elapsed: active ? Math.round(Math.min(100, (100 * (now - Date.parse(event.start))) / (Date.parse(event.end) - Date.parse(event.start)))) : null,
    missed: event.missed?.reason ?? null,
    reason: event.status === "cancelled" ? event.history.at(-1)?.reason ?? null : null,
  };
}

const group = (title, events) => element("section", {}, element("h3", {}, title), element("ul", { class: "list" }, ...events.map((event) => element("li", {}, row(event)))));

function row(event) {
  const cell = ([name, value], about) => element("span", { class: "cell" }, element("span", { class: "hint" }, name), element("span", { class: "number" }, value), about);
  const fault = event.missed ? `No device was told: ${event.missed}` : event.reason ? `Cancelled: ${event.reason}` : null;
  return element("button", { type: "button", class: "dr-event", "data-focus": event.id, "data-state": event.status },
    element("span", { class: "title" }, element("span", { class: "name" }, event.name), chip(event.status), event.test ? chip("test", "test") : null),
    element("span", { class: "hint when" }, `${event.when} · ${event.left}`),
    element("span", { class: "cells" }, cell(event.target), cell(["Committed", event.committed]),
      event.measuredName && cell([event.measuredName, event.measured], event.reached === null ? null : element("span", { class: "bars reached", "aria-hidden": "true" }, element("span", { "data-share": event.reached })))),
    fault ? element("span", { class: event.missed ? "fault" : "hint why" }, fault) : null,
    event.elapsed === null ? null : element("span", { class: "elapsed", "aria-hidden": "true" }, element("span", { "data-share": event.elapsed })));
}
