/** One demand response event in a dialog: whom it asked, what devices were told, and what it brought. */

import { element, find, later, rebuild } from "../modules/dom.js";
import { dateAndTime, durationSeconds, exactTime, number } from "../modules/format.js";
import { committedOf, isMeasured, shedNow } from "../modules/demand_response.js";
import { ANSWERS, COMMANDS, countdown, ENDS, kw, kwh, lasting, moment, OUTCOMES, percent, sentence, span, STATUS, target, targetName, who } from "../modules/dr_words.js";
import { chip, facts, figures, table } from "./dr_parts.js";
import { Report } from "./dr_report.js";

const PATH = "/demand-response";
const EVERY = 10_000;
const REPORT_EVERY = 30_000;
const WHILE_IT_RUNS = ["head", "figures", "notes", "actions", "devices", "report", "invitations", "commands", "history"];
const ELSE = ["head", "figures", "notes", "actions", "report", "invitations", "devices", "commands", "history"];
let opened = null;

export function openDemandEvent(store, api, eventId) {
  opened?.close();
  opened = new Opened(store, api, eventId);
  return opened.open();
}

/** Bring the open event up to now. */
export function showOpenDemandEvent() { opened?.show(); }

/** Take what the WebSocket tells. */
export function hearDemandEvent({ data }) { if (opened?.eventId === data.event_id) opened.soon(); }

class Opened {
  #store; #api; #event = null; #report = null; #complaint = null; #timer = null; #asked = 0; #loading = null; #busy = false; #cancelling = false;
  #places = {}; #reporting;
  soon = later(() => this.load(true), 400);

  constructor(store, api, eventId) {
    this.#store = store;
    this.#api = api;
    this.eventId = eventId;
    this.#reporting = new Report(api, eventId);
  }

  open() {
    const dialog = find("dr-dialog");
    this.#places = Object.fromEntries(ELSE.map((name) => [name, element("section", { class: `dr-${name}` })]));
    this.#places.actions.setAttribute("aria-label", "Actions");
    this.#reporting.place(this.#places.report);
    this.#arrange(ELSE);
    dialog.onclose = () => this.close();
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    this.show();
    return this.load(true);
  }

  /** While it runs, what devices do comes first; later on, what it brought. */
  #arrange(order) {
    const dialog = find("dr-dialog");
    const wanted = order.map((name) => this.#places[name]);
    if (wanted.every((place, index) => dialog.children[index] === place)) return;
    const focused = document.activeElement;
    dialog.replaceChildren(...wanted);
    if (dialog.contains(focused)) focused.focus();
  }

  close() {
    clearTimeout(this.#timer);
    this.#reporting.leave();
    if (opened === this) opened = null;
  }

  async load(anew = false) {
    if (this.#loading) { if (anew) this.#asked = 0; return this.#loading; }
    this.#loading = this.#load(anew).finally(() => { this.#loading = null; });
    return this.#loading;
  }

  async #load(anew) {
    clearTimeout(this.#timer);
    try {
      const path = `${PATH}/events/${this.eventId}`;
      const event = await this.#api.get(path);
      const due = anew || Date.now() - this.#asked > REPORT_EVERY || event.status !== this.#event?.status;
      this.#event = event;
      this.#complaint = null;
      this.show();
      if (due && isMeasured(event)) {
        this.#report = await this.#api.get(`${path}/performance`);
        this.#asked = Date.now();
      }
      if (!isMeasured(event)) this.#report = null;
      this.#store.demand.keep(event, this.#report);
    } catch (error) {
      this.#complaint = error.message;
    }
    if (opened !== this) return;
    this.show();
    const over = this.#event && !["active", "near", "far"].includes(this.#event.status);
    if (!over || this.#report?.status === "PENDING" || this.#complaint) this.#timer = setTimeout(() => this.load(), over ? REPORT_EVERY : EVERY);
  }

  /** Do something, and show what came of it. */
  async #do(work) {
    this.#busy = true;
    this.#complaint = null;
    this.show();
    try {
      await work();
      this.#cancelling = false;
    } catch (error) {
      this.#complaint = error.message;
    }
    this.#busy = false;
    const complaint = this.#complaint;
    await this.load(true);
    this.#complaint ??= complaint;
    this.show();
    this.#store.demand.refresh().catch(() => {});
  }

  #answer(invitation, response) { return this.#do(() => this.#api.post(`${PATH}/invitations/${invitation.invitation_id}/answer`, {}, JSON.stringify({ response }))); }
  #cancel() {
    const reason = find("cancel-reason").value.trim() || null;
    return this.#do(() => this.#api.post(`${PATH}/events/${this.eventId}/cancel`, {}, JSON.stringify({ reason })));
  }
  #publish() { return this.#do(() => this.#api.post(`${PATH}/events/${this.eventId}/publish`)); }

  show() {
    if (opened !== this) return;
    const event = this.#event;
    const now = this.#store.now();
    this.#head(event, now);
    if (!event) return;
    this.#arrange(event.status === "active" ? WHILE_IT_RUNS : ELSE);
    const may = this.#store.mayAct === true;
    this.#figures(event);
    this.#notes(event);
    this.#actions(event, may);
    this.#reporting.show(event, this.#report, now);
    this.#invitations(event, may, now);
    this.#devices(event);
    this.#commands(event);
    this.#history(event);
  }

  #head(event, now) {
    const seen = event && [event.event_name, event.status, event.test_event, span(event.start, event.end, now), countdown(event, now)];
    rebuild(this.#places.head, [seen, this.#complaint], () => [
      element("div", { class: "head" }, element("h2", { id: "dr-title" }, event?.event_name ?? "Demand response event"),
        element("button", { type: "button", class: "quiet", "aria-label": "Close", "data-focus": "close", onclick: () => find("dr-dialog").close() }, "✕")),
      event ? element("p", { class: "hint" }, chip(event.status), event.test_event ? chip("test", "test") : null, ` ${sentence(seen[3])} · ${seen[4]}`) : this.#complaint ? null : element("p", { class: "hint" }, "Loading"),
      this.#complaint ? element("p", { class: "error", role: "alert" }, this.#complaint) : null,
    ]);
  }

  #figures(event) {
    const report = this.#report;
    const sums = report?.measured;
    const active = event.status === "active";
    const partly = report?.missing.length && sums ? `${sums.device_ids.length} of ${report.devices.length} devices` : null;
    const lines = [
      [targetName(event.signal), target(event.signal)],
      ["Committed", kw(committedOf(event))],
      active ? ["Shed now", kw(shedNow(event)), "by the meters"] : null,
      !active && sums ? ["Reduction", kw(sums.reduction_kw), partly ?? "on average"] : null,
      !active && sums ? ["Energy", kwh(sums.energy_kwh)] : null,
      !active && sums && sums.performance !== null ? ["Performance", percent(sums.performance), "of what was committed"] : null,
      !active && sums && sums.rebound_kwh !== null ? ["Rebound", kwh(sums.rebound_kwh), `within ${lasting(durationSeconds(event.recovery_period))} after it`] : null,
    ];
    rebuild(this.#places.figures, lines, () => [figures(lines)]);
  }

  #notes(event) {
    const last = event.history.at(-1);
    const brief = ["completed", "cancelled"].includes(event.status) && event.assignments.length > 0 && !isMeasured(event);
    const cancelled = event.status === "cancelled" && last ? `Cancelled ${who(last.by)}, ${dateAndTime(Date.parse(last.at))}${last.reason ? `: ${last.reason}` : ""}.` : null;
    rebuild(this.#places.notes, [event.missed, cancelled, brief], () => [
      event.missed ? element("p", { class: "note warn" }, `No device was told: ${event.missed.reason}.`) : null,
      cancelled ? element("p", { class: "note" }, cancelled) : null,
      brief ? element("p", { class: "note" }, "It took no whole minute, which is too short to be measured.") : null,
    ]);
  }

  #actions(event, may) {
    const open = ["draft", "far", "near", "active"].includes(event.status);
    rebuild(this.#places.actions, [may && open, event.status, this.#cancelling, this.#busy], () => {
      if (!may || !open) return [];
      if (!this.#cancelling) return [element("div", { class: "actions" },
        event.status === "draft" ? element("button", { type: "button", class: "primary", disabled: this.#busy, "data-focus": "publish", onclick: () => this.#publish() }, "Publish") : null,
        element("button", { type: "button", class: "secondary", disabled: this.#busy, "data-focus": "cancel", onclick: () => { this.#cancelling = true; this.show(); find("cancel-reason").focus(); } }, "Cancel the event"))];
      return [element("form", { class: "panel cancel", onsubmit: (submit) => { submit.preventDefault(); this.#cancel(); } },
        element("p", {}, event.status === "active" ? "Its devices are let go at once. What they did until then is measured." : "Nobody is asked for anything any more."),
        element("label", { class: "field" }, "Why", element("input", { type: "text", id: "cancel-reason", maxlength: "2000", autocomplete: "off", "data-focus": "reason" })),
        element("div", { class: "actions" },
          element("button", { type: "submit", class: "primary danger", disabled: this.#busy, "data-focus": "confirm" }, "Cancel it now"),
          element("button", { type: "button", class: "quiet", "data-focus": "back", onclick: () => { this.#cancelling = false; this.show(); } }, "Let it go on")))];
    });
  }

  #invitations(event, may, now) {
    const answerable = may && ["far", "near", "active"].includes(event.status);
    const left = event.left_out;
    rebuild(this.#places.invitations, [event.invitations, left, answerable, this.#busy], () => {
      if (!event.invitations.length && !left.length) return event.status === "far" && !event.invited_at ? [element("h3", {}, "Invitations"), element("p", { class: "hint" }, "They have not gone out yet.")] : [];
      const rows = event.invitations.map((one) => [
        one.device_id, chip(one.status, ANSWERS[one.status]), answered(one, now), kw(one.committed_kw),
        ...(answerable ? [this.#choices(one)] : []),
      ]);
      return [
        element("h3", {}, "Invitations"),
        rows.length ? table("Invitations", ["Device", "Answer", "By whom", "Committed", ...(answerable ? [""] : [])], rows) : null,
        left.length ? element("p", { class: "hint" }, "Not asked:") : null,
        left.length ? facts(left.map((one) => [one.device_id, sentence(one.reason)])) : null,
      ];
    });
  }

  #choices(one) {
    if (one.status === "expired") return "";
    const button = (response, name, word) => element("button", { type: "button", class: "secondary small", disabled: this.#busy, "data-focus": `${one.device_id} ${response}`, "aria-label": `${name}: ${one.device_id}`, onclick: () => this.#answer(one, response) }, word);
    return element("span", { class: "choices" }, one.status === "opt_in" ? null : button("opt_in", "Take part", "Opt in"), one.status === "opt_out" ? null : button("opt_out", "Stay out", "Opt out"));
  }

  #devices(event) {
    const title = event.status === "active" ? "Devices that serve" : "Devices that served";
    rebuild(this.#places.devices, [title, event.assignments], () => {
      if (!event.assignments.length) return [];
      const rows = event.assignments.map((one) => [one.device_id, kw(one.asked_kw), typeof one.shed_kw === "number" ? kw(one.shed_kw) : "–", following(one), `${exactTime(Date.parse(one.began_at))} – ${one.ended_at ? exactTime(Date.parse(one.ended_at)) : "now"}`]);
      return [element("h3", {}, title), table(title, ["Device", "Asked", "By its meter", "How it fared", "When"], rows)];
    });
  }

  #commands(event) {
    rebuild(this.#places.commands, event.commands, () => {
      if (!event.commands.length) return [];
      const rows = event.commands.map((one) => [
        exactTime(Date.parse(one.time ?? one.due_at)), one.device_id, `${order(one)}, ${COMMANDS[one.reason] ?? one.reason}`,
        element("span", {}, chip(one.status, OUTCOMES[one.status]), one.attempts > 1 ? element("span", { class: "hint" }, ` ${one.attempts} attempts`) : null, one.detail && one.status !== "delivered" ? element("span", { class: "hint" }, ` ${one.detail}`) : null),
      ]);
      return [element("h3", {}, "Commands"), table("Commands", ["Time", "Device", "What", "Outcome"], rows)];
    });
  }

  #history(event) {
    rebuild(this.#places.history, event.history, () => [element("details", {}, element("summary", {}, "How it went"), facts([
      ["Created", `${who(event.created_by)}, ${dateAndTime(Date.parse(event.created_at))}`],
      ...event.history.map((one) => [sentence(STATUS[one.status]), `${dateAndTime(Date.parse(one.at))}, ${who(one.by)}${one.reason ? `: ${one.reason}` : ""}`]),
    ]))]);
  }
}

function answered(one, now) {
  if (one.status === "invited") return element("span", { class: "hint" }, `until ${moment(one.answer_until, now)}`);
  if (!one.answered_by) return element("span", { class: "hint" }, "nobody");
  const name = one.answered_by === "rule" ? (one.rule === "default" ? "the rule for all" : "its own rule") : who(one.actor).replace(/^by /, "");
  return element("span", {}, name, one.reason ? element("span", { class: "hint" }, ` ${one.reason}`) : null);
}

function following(one) {
  if (one.end_reason === "failed") return chip("failed", ENDS.failed);
  const word = { yes: ["delivered", "follows"], no: ["failed", "does not follow"], unknown: ["pending", "not checked yet"] }[one.following];
  const ended = one.ended_at && one.following === "unknown" ? null : chip(...word);
  return element("span", {}, ended, one.end_reason ? element("span", { class: "hint" }, ` ${ENDS[one.end_reason] ?? one.end_reason}`) : null);
}

function order(one) {
  if (one.kind === "restore") return "Come back";
  if (typeof one.reduction_kw !== "number") return "Shed what it can";
  return `Shed ${number(one.reduction_kw)} kW${typeof one.target_kw === "number" ? `, down to ${number(one.target_kw)} kW` : ""}`;
}
