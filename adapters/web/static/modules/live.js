/**
 * The WebSocket: connects, and connects again, and goes on where it was.
 *
 * Tells: `state` (connecting, live, waiting, refused), `readings` (a list of readings), `snapshot` (the newest
 * reading of every sensor), `missed` (readings came that are not told: what was built on them is out of date),
 * `event` (of the other topics).
 */

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
const SILENCE = 25_000;
const ANSWER = 10_000;
const GO_ON_WITHIN = 15 * 60_000;
const LOOK_BACK = 60 * 60_000;
const OTHER_TOPICS = ["sensor_events", "dr_events", "data_ingestion", "system_events"];
const WRONG_KEY = 4401;

export class Live extends EventTarget {
  #url; #key; #socket = null; #timer = null; #pulse = null; #wait = FIRST_WAIT; #seqs = new Map(); #lost = 0; #stopped = false; #seen = false;

  constructor(url, key) {
    super();
    this.#url = url;
    this.#key = key;
    this.clockOffset = 0;
    /** What the key may: `viewer`, `operator` or `admin`; undefined before the service has said so. */
    this.role = undefined;
    addEventListener("online", () => this.#now());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#now(); });
  }

  start() { this.#connect(); }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#pulse);
    this.#socket?.close();
  }

  #tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  #now() {
    if (this.#timer !== null) this.#connect();
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#stopped) return;
    this.#tell("state", "connecting");
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: "authenticate", token: this.#key }));
      this.#listenForSilence();
    };
    socket.onmessage = (frame) => {
      if (socket !== this.#socket) return;
      this.#listenForSilence();
      this.#hear(JSON.parse(frame.data));
    };
    socket.onclose = (closed) => { if (socket === this.#socket) this.#ended(closed.code); };
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** A connection can be dead without anyone saying so: ask, and give it up where no answer comes. */
  #listenForSilence() {
    clearTimeout(this.#pulse);
    const socket = this.#socket;
    this.#pulse = setTimeout(() => {
      this.#send({ type: "ping" });
      this.#pulse = setTimeout(() => {
        if (socket === this.#socket) this.#restart();
      }, ANSWER);
    }, SILENCE);
  }

  /** Give the connection up at once, whatever it still brings, and make another. */
  #restart() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#ended(0);
  }

  #ended(code) {
    clearTimeout(this.#pulse);
    this.#socket = null;
    if (this.#stopped) return;
    if (code === WRONG_KEY) {
      this.#stopped = true;
      this.#tell("state", "refused");
      return;
    }
    this.#lost ||= Date.now();
    this.#tell("state", "waiting");
    const wait = this.#wait * (0.7 + 0.6 * Math.random());
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  #subscribe() {
    const missed = this.#lost ? Date.now() - this.#lost : 0;
    if (missed > GO_ON_WITHIN) this.#seqs.clear();
    this.#lost = 0;
    this.#send({ type: "subscribe", id: "readings", topics: ["energy_data"], since: this.#seqs.get("energy_data") });
    this.#send({ type: "subscribe", id: "events", topics: OTHER_TOPICS, since: this.#since(OTHER_TOPICS) });
  }

  #since(topics) {
    const known = topics.filter((topic) => this.#seqs.has(topic));
    if (known.length === topics.length) return Object.fromEntries(known.map((topic) => [topic, this.#seqs.get(topic)]));
    return new Date(Date.now() + this.clockOffset - LOOK_BACK).toISOString();
  }

  #begin(message) {
    const seqs = typeof message.seq === "number" ? { energy_data: message.seq } : message.seq;
    for (const [topic, seq] of Object.entries(seqs)) this.#seqs.set(topic, seq);
  }

  #hear(message) {
    switch (message.type) {
      case "welcome":
        this.clockOffset = Date.parse(message.server_time) - Date.now();
        this.role = message.role;
        this.#subscribe();
        break;
      case "subscribed":
        this.#begin(message);
        this.#wait = FIRST_WAIT;
        if (message.id === "readings") {
          this.#tell("state", "live");
          if (this.#seen && message.snapshot.length) this.#tell("missed");
          if (message.snapshot.length) this.#tell("snapshot", message.snapshot);
          this.#seen = true;
        }
        break;
      case "resync":
        this.#begin(message);
        this.#tell("state", "live");
        if (message.id === "readings") {
          this.#tell("missed");
          this.#tell("snapshot", message.snapshot);
        }
        break;
      case "event":
        this.#seqs.set(message.topic, message.seq);
        if (message.topic === "energy_data" && message.data.type === "readings") this.#tell("readings", message.data.readings);
        else this.#tell("event", message);
        break;
      case "lagged":
        // What was lost is in the stored feed: begin again from before it.
        this.#seqs.set(message.topic, message.from_seq - 1);
        this.#restart();
        break;
      case "error":
        if (message.id === "readings" || message.id === "events") {
          this.#seqs.clear();
          this.#restart();
        }
        break;
    }
  }
}
