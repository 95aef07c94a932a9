/** Numbers, units, times and words as people read them. */

const UNITS = { degC: "°C", percent: "%", "1": "", people: "people" };
const QUANTITIES = {
  power: "Power", energy: "Energy", apparent_power: "Apparent power", reactive_power: "Reactive power",
  reactive_energy: "Reactive energy", temperature: "Temperature", humidity: "Humidity", co2: "CO₂",
  illuminance: "Light", voltage: "Voltage", current: "Current", frequency: "Frequency",
  power_factor: "Power factor", occupancy: "Occupancy", other: "Other",
};

export const unitName = (unit) => UNITS[unit] ?? unit;
export const quantityName = (quantity) => QUANTITIES[quantity] ?? quantity;

const formats = new Map();
function decimals(digits) {
  if (!formats.has(digits)) {
    formats.set(digits, new Intl.NumberFormat(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  }
  return formats.get(digits);
}

/** Three figures or so: what can be read at a glance. */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e7) return value.toExponential(2);
  const shown = decimals(size >= 100 ? 0 : size >= 10 ? 1 : 2).format(value);
  return /^[-−]?0([.,]0+)?$/.test(shown) ? shown.replace(/^[-−]/, "") : shown;
}

/** A value of a quantity with its unit; people are counted in whole ones. */
export function measured(value, unit, quantity) {
  const name = unitName(unit);
  const shown = quantity === "occupancy" ? count(Math.round(value)) : number(value);
  return name ? `${shown} ${name}` : shown;
}

export const count = (value) => decimals(0).format(value);
export const plural = (amount, one, many = `${one}s`) => `${count(amount)} ${amount === 1 ? one : many}`;

/** How long ago, in the coarsest unit that is not misleading. */
export function ago(seconds) {
  if (seconds < 5) return "now";
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

const SIZES = ["B", "KB", "MB", "GB", "TB"];

/** So many bytes, in the unit that reads best. */
export function bytes(size) {
  let step = 0;
  for (; size >= 1000 && step < SIZES.length - 1; step += 1) size /= 1000;
  return `${decimals(step && size < 10 ? 1 : 0).format(size)} ${SIZES[step]}`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const precise = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dated = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

/** From one day to another. */
export function daySpan(first, last) {
  const [start, end] = [first, last].map((time) => day.format(Date.parse(time)));
  return start === end ? start : `${start} – ${end}`;
}

export const timeOfDay = (milliseconds) => clock.format(milliseconds);
export const exactTime = (milliseconds) => precise.format(milliseconds);
export const dateAndTime = (milliseconds) => dated.format(milliseconds);

/** The seconds of an ISO 8601 duration without months, such as PT15M or P1DT2H. */
export function durationSeconds(text) {
  const found = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(text ?? "");
  if (!found) return null;
  const [weeks, days, hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0));
  return (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds;
}

export const words = (name) => name.replaceAll("_", " ");
