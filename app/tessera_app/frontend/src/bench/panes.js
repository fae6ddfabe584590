// Three panes that can be resized by mouse and by arrows; what was chosen is remembered in this browser.
import { el } from "./el.js";

const LEAST = { left: 296, right: 320, map: 160 };
const STEP_PX = 16;
const kept = (name) => `tessera.pane.${name}`;

export function splitters(panes, right, changed) {
  const area = (which) => (which === "map" ? right : panes);
  const property = { left: "--wl", right: "--wr", map: "--hm" };
  const measured = { left: () => panes.querySelector(".left").offsetWidth, right: () => right.offsetWidth, map: () => right.querySelector(".mapview").offsetHeight };
  const most = (which) => (which === "map" ? right.clientHeight - LEAST.map : Math.round(panes.clientWidth * (which === "left" ? 0.35 : 0.5)));
  const limit = (which, px) => Math.round(Math.max(LEAST[which], Math.min(Math.max(most(which), LEAST[which]), px)));
  const all = [];

  const set = (which, px) => {
    area(which).style.setProperty(property[which], `${px}px`);
    try {
      localStorage.setItem(kept(which), px);
    } catch {
      /* a browser that keeps nothing still resizes */
    }
    tell();
    changed();
  };
  const tell = () => {
    for (const [which, bar] of all) {
      bar.setAttribute("aria-valuemin", LEAST[which]);
      bar.setAttribute("aria-valuemax", Math.max(most(which), LEAST[which]));
      bar.setAttribute("aria-valuenow", Math.round(measured[which]()));
    }
  };
  const make = (which, label) => {
    const flat = which === "map";
    const bar = el("div", { class: `split ${flat ? "h" : "v"} of-${which}`, role: "separator", tabindex: "0", "aria-label": label,
      "aria-orientation": flat ? "horizontal" : "vertical" }); // prettier-ignore
    bar.addEventListener("pointerdown", (event) => {
      bar.setPointerCapture(event.pointerId);
      const from = measured[which]();
      const [x, y] = [event.clientX, event.clientY];
      bar.onpointermove = (move) => {
        const by = flat ? move.clientY - y : which === "left" ? move.clientX - x : x - move.clientX;
        set(which, limit(which, from + by));
      };
      bar.onpointerup = bar.onpointercancel = () => (bar.onpointermove = null);
    });
    bar.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -STEP_PX, ArrowRight: STEP_PX, ArrowUp: -STEP_PX, ArrowDown: STEP_PX }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      set(which, limit(which, measured[which]() + (which === "right" ? -by : by)));
    });
    all.push([which, bar]);
    return bar;
  };
  const restore = () => {
    for (const which of Object.keys(LEAST)) {
      let px = 0;
      try {
        px = Number(localStorage.getItem(kept(which)));
      } catch {
        /* nothing was kept */
      }
      if (px > 0) area(which).style.setProperty(property[which], `${px}px`);
    }
    tell();
  };
  return { make, restore, tell };
}
