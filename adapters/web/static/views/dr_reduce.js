/** "Reduce load": what is asked for, the plan of who sheds how much, and only then the event. */

import { element, find, rebuild, say } from "../modules/dom.js";
import { count, number, plural } from "../modules/format.js";
import { kw, lasting, moment, sentence } from "../modules/dr_words.js";
import { openDemandEvent } from "./dr_event.js";

const PATH = "/demand-response/load-reduction";
const LENGTHS = [15, 30, 60, 120];
const MINUTE = 60_000;
let form = null;

export function openReduction(store, api) {
  form = new Reduction(store, api);
  form.open();
}

/** Say what can be shed by now while the form is open. */
export function showReduction() { form?.say(); }

class Reduction {
  #store; #api; #plan = null; #complaint = null; #busy = null; #once = null;

  constructor(store, api) {
    this.#store = store;
    this.#api = api;
  }

  open() {
    const dialog = find("reduce-dialog");
    find("reduce-form").reset();
    find("reduce-at").hidden = true;
    const devices = [...this.#store.demand.flexibility ?? []];
    find("reduce-devices").replaceChildren(...devices.map((one) => element("label", { class: "check" }, element("input", { type: "checkbox", name: "device", value: one.device_id }), element("span", {}, one.device_id), element("span", { class: "hint" }, kw(one.now_kw)))));
    find("reduce-only").open = false;
    find("reduce-presets").replaceChildren(...LENGTHS.map((minutes) => this.#preset("reduce-minutes", minutes, lasting(minutes * 60))));
    find("reduce-kw").max = "";
    find("reduce-form").oninput = (event) => this.#changed(event);
    find("reduce-form").onsubmit = (event) => { event.preventDefault(); this.#ask(true); };
    find("reduce-close").onclick = () => dialog.close();
    dialog.onclose = () => { form = null; };
    this.#clear();
    dialog.showModal();
    find("reduce-kw").focus();
    this.say();
  }

  say() {
    const able = this.#store.demand.nowKw();
    say(find("reduce-able"), able === null ? "" : `${kw(able)} can be shed now`);
    rebuild(find("reduce-shares"), [able && able > 0 ? number(able) : null], () => (able > 0 ? [this.#preset("reduce-kw", floor(able / 2), "half"), this.#preset("reduce-kw", floor(able), "all of it")] : []));
  }

  #preset(target, value, word) {
    return element("button", { type: "button", class: "secondary small", "data-focus": word, onclick: () => { find(target).value = value; this.#changed(); } }, word);
  }

  /** Another wish is another plan. */
  #changed(event) {
    if (event?.target.name === "start") {
      const later = event.target.value === "at";
      find("reduce-at").hidden = !later;
      if (later && !find("reduce-time").value) find("reduce-time").value = local(this.#store.now() + 30 * MINUTE);
    }
    this.#clear();
  }

  #clear() {
    [this.#plan, this.#complaint, this.#once] = [null, null, null];
    this.#show();
  }

  #start() { return document.querySelector("input[name=start]:checked").value === "at" ? new Date(find("reduce-time").value) : null; }

  #body(dry) {
    const chosen = [...document.querySelectorAll("input[name=device]:checked")].map((one) => one.value);
    return JSON.stringify({
      target_kw: Number(find("reduce-kw").value), duration: `PT${Number(find("reduce-minutes").value)}M`, start: this.#start()?.toISOString() ?? null,
      targets: chosen.length ? { device_ids: chosen } : null, dry_run: dry,
    });
  }

  async #ask(dry) {
    if (this.#busy) return;
    this.#busy = dry ? "plan" : "do";
    this.#complaint = null;
    // Whoever presses again because no answer came gets the same event, not a second one.
    if (!dry) this.#once ??= [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(16)).join("-");
    const body = this.#body(dry);
    this.#show();
    try {
      const plan = await this.#api.post(PATH, {}, body, dry ? undefined : this.#once);
      if (body === this.#body(dry)) this.#plan = plan;
      if (plan.event_id) { this.#begun(plan.event_id); return; }
    } catch (error) {
      const details = error.errors.map((one) => one.detail).filter(Boolean);
      this.#complaint = sentence(details.length ? details.join("; ") : error.message);
      if (error.status >= 400) this.#once = null;
    } finally {
      this.#busy = null;
    }
    this.#show();
  }

  #begun(eventId) {
    find("reduce-dialog").close();
    this.#store.demand.refresh().catch(() => {});
    openDemandEvent(this.#store, this.#api, eventId);
  }

  #show() {
    const plan = this.#plan;
    find("reduce-plan").disabled = Boolean(this.#busy);
    find("reduce-plan").className = plan?.devices.length ? "secondary" : "primary";
    say(find("reduce-plan"), this.#busy === "plan" ? "Planning" : plan ? "Plan again" : "Show the plan");
    rebuild(find("reduce-outcome"), [plan, this.#complaint, this.#busy], () => [
      this.#complaint ? element("p", { class: "error", role: "alert" }, this.#complaint) : null,
      ...(plan ? this.#planned(plan) : []),
    ]);
    for (const bar of find("reduce-outcome").querySelectorAll(".bars span")) bar.style.width = `${bar.dataset.share}%`;
  }

  #planned(plan) {
    const wanted = Number(find("reduce-kw").value);
    const most = Math.max(...plan.devices.map((one) => one.reduction_kw), 0.001);
    const start = this.#start();
    const now = this.#store.now();
    const when = start ? `from ${moment(start.toISOString(), now)} on` : "from now on";
    const short = plan.shortfall_kw > 0.0005;
    return [
      element("h3", {}, "The plan"),
      element("p", { role: "status", class: short ? "note warn" : "note good" }, !plan.devices.length
        ? "Nobody can shed anything: nothing would happen."
        : short ? `${kw(plan.total_kw)} of ${kw(wanted)}: ${kw(plan.shortfall_kw)} cannot be found.` : `All ${kw(plan.total_kw)}, by ${plural(plan.devices.length, "device")}.`),
      element("div", { class: "loads" }, ...plan.devices.map((one) => element("div", { class: "load planned" },
        element("span", { class: "name" }, one.device_id), element("span", { class: "bars", "aria-hidden": "true" }, element("span", { "data-share": ((100 * one.reduction_kw) / most).toFixed(1) })), element("span", { class: "value" }, kw(one.reduction_kw))))),
      plan.left_out.length ? element("details", {}, element("summary", {}, `${count(plan.left_out.length)} left out`),
        element("dl", { class: "facts" }, ...plan.left_out.flatMap((one) => [element("dt", {}, one.device_id), element("dd", {}, sentence(one.reason))]))) : null,
      plan.devices.length ? element("div", { class: "actions" }, element("button", { type: "button", class: "primary", id: "reduce-do", disabled: Boolean(this.#busy), "data-focus": "do", onclick: () => this.#ask(false) },
        this.#busy === "do" ? "Passing it on" : `${start ? "Schedule" : "Reduce"} ${kw(plan.total_kw)} ${when}, for ${lasting(Number(find("reduce-minutes").value) * 60)}`)) : null,
    ].filter(Boolean);
  }
}

const floor = (value) => Math.max(0.01, Math.floor(value * 100) / 100);

/** A moment as the field for it takes it: by this computer's clock, in whole minutes. */
function local(milliseconds) {
  const time = new Date(Math.ceil(milliseconds / MINUTE) * MINUTE);
  return new Date(time.getTime() - time.getTimezoneOffset() * MINUTE).toISOString().slice(0, 16);
}
