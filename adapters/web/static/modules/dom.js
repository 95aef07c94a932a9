/** Make elements. Text is always text: nothing here reads HTML. */

export const find = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Set text only where it changed, so that nothing is drawn or read out anew for nothing. */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

const built = new WeakMap();

/**
 * Build what a place shows anew, only where what it is built from (`facts`) has changed. What has the focus keeps
 * it, by its `data-focus`, and what was folded out stays so.
 */
export function rebuild(place, facts, build) {
  const key = JSON.stringify(facts);
  if (built.get(place) === key) return;
  built.set(place, key);
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  const open = [...place.querySelectorAll("details")].map((one) => one.open);
  place.replaceChildren(...build().filter((child) => child !== null && child !== undefined));
  [...place.querySelectorAll("details")].forEach((one, index) => { if (open[index]) one.open = true; });
  if (focused) [...place.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === focused)?.focus();
}

/** Run at most once a frame, however often it is called. */
export function eachFrame(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    const run = () => { waiting = false; work(); };
    // A hidden page gets no frames; what it shows is then brought up to date once a second.
    if (document.hidden) setTimeout(run, 1000);
    else requestAnimationFrame(run);
  };
}

/** Run once things have been quiet for so long. */
export function later(work, milliseconds) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, milliseconds);
  };
}
