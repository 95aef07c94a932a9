/** Baseline against metered load, interval by interval, with what lies between them shaded. */

import { element } from "../modules/dom.js";
import { number, timeOfDay } from "../modules/format.js";
import { label, trimmed } from "./chart.js";

const uPlot = globalThis.uPlot;

export class DemandChart {
  #place; #plot = null; #shown = ""; #watch;

  constructor(place) {
    this.#place = place;
    this.#watch = new ResizeObserver(() => this.#plot?.setSize(this.#size()));
    this.#watch.observe(place);
    this.redraw = () => { const again = this.again; this.#shown = ""; again?.(); };
    document.addEventListener("themechange", this.redraw);
  }

  leave() {
    this.#watch.disconnect();
    document.removeEventListener("themechange", this.redraw);
    this.#plot?.destroy();
    this.#plot = null;
  }

  /** Draw points `{at, baseline, actual, after}`, each for so many `seconds`; `window` is the event's, `now` a line. */
  show(points, window, seconds, now) {
    this.again = () => this.show(points, window, seconds, now);
    const facts = JSON.stringify([points, now && Math.floor(now / 15)]);
    if (facts === this.#shown && this.#plot) return;
    this.#shown = facts;
    this.#plot?.destroy();
    // A step needs an end: the last interval is drawn up to where it ends.
    const last = points.at(-1);
    const all = [...points, { ...last, at: last.at + seconds }];
    const between = (choose) => all.map((one) => (one.baseline === null || one.actual === null ? null : choose(one.baseline, one.actual)));
    const columns = [all.map((one) => one.at), all.map((one) => one.baseline), all.map((one) => one.actual), between(Math.min), between(Math.max)];
    this.#plot = new uPlot(this.#options(window, seconds, now, columns), columns, this.#place);
  }

  #size() { return { width: Math.max(200, this.#place.clientWidth), height: Math.max(140, this.#place.clientHeight) }; }

  #options(window, seconds, now, columns) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: colour("--muted"), font, ticks: { show: false }, grid: { stroke: colour("--line"), width: 1 } };
    const paths = uPlot.paths.stepped({ align: 1 });
    const hidden = { stroke: "transparent", paths, points: { show: false } };
    const [from, until] = [columns[0][0], columns[0].at(-1)];
    const low = Math.min(0, ...columns.slice(1).flat().filter((value) => value !== null));
    return {
      ...this.#size(),
      padding: [10, 20, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: true, range: () => [from, until] }, y: { range: (_, __, high) => [low, (high || 1) * 1.08] } },
      axes: [
        { ...axis, grid: { show: false }, size: 30, space: 60, values: (_, splits, __, ___, step) => splits.map((at) => label(at * 1000, step)) },
        { ...axis, size: 44, values: (_, splits) => splits.map((value) => trimmed(value)) },
      ],
      series: [{},
        { stroke: colour("--muted"), width: 1.75, dash: [6, 4], paths, points: { show: false } },
        { stroke: colour("--accent"), width: 2, paths, points: { show: false } }, hidden, hidden],
      bands: [{ series: [1, 3], fill: colour("--less") }, { series: [4, 1], fill: colour("--more") }],
      hooks: { drawClear: [(plot) => ground(plot, window, until, colour("--raised"))], draw: [(plot) => mark(plot, now, until, colour("--muted"))] },
      plugins: [tip(seconds)],
    };
  }
}

/** The time of the event stands on a ground of its own, where more than that is shown. */
function ground(plot, [start, end], until, fill) {
  if (until <= end) return;
  const [left, right] = [start, end].map((at) => plot.valToPos(at, "x", true));
  plot.ctx.save();
  plot.ctx.fillStyle = fill;
  plot.ctx.fillRect(left, plot.bbox.top, right - left, plot.bbox.height);
  plot.ctx.restore();
}

function mark(plot, now, until, stroke) {
  if (now === null || now >= until) return;
  const left = Math.round(plot.valToPos(now, "x", true));
  plot.ctx.save();
  plot.ctx.strokeStyle = stroke;
  plot.ctx.setLineDash([2, 3]);
  plot.ctx.beginPath();
  plot.ctx.moveTo(left, plot.bbox.top);
  plot.ctx.lineTo(left, plot.bbox.top + plot.bbox.height);
  plot.ctx.stroke();
  plot.ctx.restore();
}

/** Shows the interval below the pointer. */
function tip(seconds) {
  const box = element("div", { class: "tip", "aria-hidden": "true", hidden: true }, element("time"), element("span"));
  return {
    hooks: {
      init: (plot) => plot.over.append(box),
      setCursor: (plot) => {
        const { left } = plot.cursor;
        const at = left < 0 ? null : plot.posToVal(left, "x");
        const place = at === null ? -1 : plot.data[0].findLastIndex((start) => start <= at);
        box.hidden = place < 0 || place >= plot.data[0].length - 1;
        if (box.hidden) return;
        const [start, baseline, actual] = plot.data.map((column) => column[place]);
        box.firstChild.textContent = `${timeOfDay(start * 1000)} – ${timeOfDay((start + seconds) * 1000)}`;
        const both = typeof baseline === "number" && typeof actual === "number";
        const less = both ? ` · ${number(Math.abs(baseline - actual))} kW ${baseline >= actual ? "less" : "more"}` : "";
        box.lastChild.textContent = `${number(actual)} of ${number(baseline)} kW${less}`;
        const width = plot.over.clientWidth;
        box.style.top = "6px";
        box.style.left = left < width / 2 ? `${left + 12}px` : "auto";
        box.style.right = left < width / 2 ? "auto" : `${width - left + 12}px`;
      },
    },
  };
}
