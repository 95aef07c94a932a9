/** Puts the page together: key, store, live readings, views. */

import { Api, base } from "./modules/api.js";
import { DemandResponse } from "./modules/demand_response.js";
import { find, later, say } from "./modules/dom.js";
import { forgetKey, keepKey, takeKey } from "./modules/key.js";
import { Live } from "./modules/live.js";
import { MeterFiles } from "./modules/meter_files.js";
import { Refresher } from "./modules/refresher.js";
import { Store } from "./modules/store.js";
import { themeButton } from "./modules/theme.js";
import { Chart } from "./views/chart.js";
import { startConfiguration } from "./views/configuration.js";
import { showDemand, startDemand } from "./views/demand.js";
import { showDevices } from "./views/devices.js";
import { hearDemandEvent } from "./views/dr_event.js";
import { demandTold, groupOf, isDemandNews } from "./views/dr_news.js";
import { isNews, showEvents, told } from "./views/events.js";
import { showFiles, startFiles } from "./views/files.js";
import { showOverview } from "./views/overview.js";
import { showRooms } from "./views/rooms.js";
import { searchFor, showSensors, startSensors } from "./views/sensors.js";

const CONNECTION = { connecting: "Connecting", live: "Live", waiting: "Connection lost, trying again", refused: "Signed out" };
let chart = null;

function askForKey(why) {
  find("dashboard").hidden = true;
  find("sign-out").hidden = true;
  find("sign-in").hidden = false;
  find("notice").hidden = true;
  find("key-error").hidden = !why;
  say(find("key-error"), why ?? "");
  showConnection("refused", why ? "Not signed in" : "Not signed in");
  find("key").focus();
}

function showConnection(state, text) {
  const pill = find("connection");
  pill.dataset.state = state;
  say(pill.querySelector(".text"), text ?? CONNECTION[state]);
}

function showNotice(text) {
  find("notice").hidden = !text;
  say(find("notice"), text ?? "");
}

function chosenInAddress() { return new URLSearchParams(location.hash.slice(1)).get("sensor"); }

function rememberChosen(sensorId) {
  history.replaceState(null, "", `${location.pathname}${location.search}#${new URLSearchParams({ sensor: sensorId })}`);
}

function firstChoice(store) {
  const wanted = chosenInAddress();
  if (wanted && store.sensors.has(wanted)) return wanted;
  const withReadings = (sensors) => sensors.filter((sensor) => sensor.latest).sort((one, other) => Math.abs(other.latest.value) - Math.abs(one.latest.value));
  return (withReadings(store.roots("power"))[0] ?? withReadings([...store.sensors.values()])[0] ?? [...store.sensors.values()][0])?.sensor_id;
}

function tellNews(store, message) {
  const at = Date.parse(message.time);
  if (message.topic !== "dr_events") {
    if (isNews(message)) store.addEvent({ at, tell: () => told(message) });
  } else if (isDemandNews(message)) {
    const { device_id: subject, event_id: eventId } = message.data;
    store.addEvent({ at, group: groupOf(message), subject, tell: (devices) => demandTold(message, store.demand.nameOf(eventId), devices) });
  }
}

function open(key) {
  find("sign-in").hidden = true;
  find("dashboard").hidden = false;
  find("sign-out").hidden = false;
  const store = new Store();
  const api = new Api(key);
  store.meterFiles = new MeterFiles(api, () => store.touch());
  store.demand = new DemandResponse(api, () => { store.eventsVersion += 1; store.touch(); });
  const live = new Live(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${base}/ws`, key);
  chart = new Chart(api, store);

  const leave = (why) => {
    live.stop();
    refresher.stop();
    forgetKey();
    // A fresh page holds nothing of what the old key could see.
    if (why) try { sessionStorage.setItem("energy-dashboard.why", why); } catch { /* then without the reason */ }
    location.reload();
  };
  const choose = (sensorId) => {
    rememberChosen(sensorId);
    chart.choose(sensorId);
    store.touch();
    if (matchMedia("(max-width: 47rem)").matches) find("chart-card").scrollIntoView({ block: "start" });
  };
  const refresher = new Refresher(api, store, {
    problem: showNotice,
    wrongKey: () => leave("That key is not valid, or not any more."),
    loaded: () => {
      if (chart.sensorId && store.sensors.has(chart.sensorId)) return;
      const first = firstChoice(store);
      if (first) chart.choose(first);
    },
  });
  const show = () => {
    store.clockOffset = live.clockOffset;
    store.mayAct = live.role ? live.role !== "viewer" : null;
    showOverview(store, choose);
    showSensors(store, chart.sensorId);
    showRooms(store, searchFor);
    showDevices(store);
    showEvents(store);
    showDemand(store);
    showFiles(store);
  };

  startSensors(store, choose, () => store.touch());
  startDemand(store, api);
  startFiles(store, api);
  startConfiguration(store, api, () => refresher.devices());
  store.addEventListener("change", show);
  store.addEventListener("stranger", () => refresher.sensors());
  live.addEventListener("state", ({ detail }) => {
    showConnection(detail);
    if (detail === "refused") leave("That key is not valid, or not any more.");
    if (detail === "live") { store.clockOffset = live.clockOffset; refresher.soon(); }
  });
  live.addEventListener("readings", ({ detail }) => { store.take(detail); chart.take(detail); });
  live.addEventListener("snapshot", ({ detail }) => { store.take(detail, { counted: false }); });
  live.addEventListener("missed", () => { chart.reload(); refresher.sensors(); });
  const sensorsSoon = later(() => refresher.sensors(), 800);
  const filesSoon = later(() => refresher.files(), 500);
  const demandSoon = later(() => refresher.demand(), 500);
  const devicesSoon = later(() => refresher.devices(), 800);
  live.addEventListener("event", ({ detail }) => {
    tellNews(store, detail);
    if (detail.topic === "dr_events") {
      hearDemandEvent(detail);
      if (store.demand.hear(detail, store.now())) demandSoon();
    }
    if (detail.topic === "data_ingestion" && store.meterFiles.hear(detail, store.now())) filesSoon();
    if (detail.topic === "sensor_events") sensorsSoon();
    if (detail.topic === "system_events") devicesSoon();
  });
  themeButton(find("theme"), () => { chart.redraw(); document.dispatchEvent(new Event("themechange")); });
  find("sign-out").addEventListener("click", () => leave());
  addEventListener("hashchange", () => {
    if (new URLSearchParams(location.hash.slice(1)).has("key")) { takeKey(); location.reload(); return; }
    const wanted = chosenInAddress();
    if (wanted && wanted !== chart.sensorId && store.sensors.has(wanted)) { chart.choose(wanted); store.touch(); }
  });
  setInterval(() => { store.touch(); chart.tick(); }, 5000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { store.touch(); chart.tick(); refresher.soon(); } });
  refresher.start();
  live.start();
  show();
}

function start() {
  const key = takeKey();
  find("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = find("key").value.trim();
    if (!given) return;
    keepKey(given);
    find("key").value = "";
    open(given);
  });
  if (key) { open(key); return; }
  themeButton(find("theme"), () => {});
  let why = null;
  try { why = sessionStorage.getItem("energy-dashboard.why"); sessionStorage.removeItem("energy-dashboard.why"); } catch { /* none */ }
  askForKey(why);
  addEventListener("hashchange", () => { if (new URLSearchParams(location.hash.slice(1)).has("key")) location.reload(); });
}

start();
