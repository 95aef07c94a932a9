/** The API key: taken from the address once, kept in this tab only. */

const PLACE = "energy-dashboard.key";
let held = null;

function kept() {
  try { return sessionStorage.getItem(PLACE); } catch { return null; }
}

/** Take the key out of the address bar, so that it is in no history, bookmark or screenshot. */
export function takeKey() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const given = parts.get("key")?.trim();
  if (parts.has("key")) {
    parts.delete("key");
    const rest = parts.toString();
    history.replaceState(null, "", location.pathname + location.search + (rest ? `#${rest}` : ""));
  }
  if (given) keepKey(given);
  return given || held || kept();
}

export function keepKey(key) {
  held = key;
  try { sessionStorage.setItem(PLACE, key); } catch { /* private browsing: it lasts as long as the page */ }
}

export function forgetKey() {
  held = null;
  try { sessionStorage.removeItem(PLACE); } catch { /* there was nothing kept */ }
}
