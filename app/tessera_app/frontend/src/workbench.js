// The workbench: list of clusters, the open cluster with its tiles, map above slide, and the keys to name them by. Figures come over
// HTTP, what is open and what is decided by parameters; decisions go to Python as a queue (`asks`) and are shown before they are
// answered (`answered`).
import { comparison } from "./bench/compare.js";
import { benchActions } from "./bench/actions.js";
import { dialogs } from "./bench/dialogs.js";
import { tileDrawer } from "./bench/drawer.js";
import { el, key, swatch } from "./bench/el.js";
import { benchFetch } from "./bench/fetch.js";
import { tileGallery } from "./bench/gallery.js";
import { clusterHead } from "./bench/head.js";
import { benchKeys } from "./bench/keys.js";
import { clusterList } from "./bench/list.js";
import { overview } from "./bench/overview.js";
import { splitters } from "./bench/panes.js";
import { rightPane } from "./bench/right.js";
import { benchState } from "./bench/state.js";
import { STYLE } from "./bench/style.js";

function render({ model, el: root }) {
  const s = benchState(model);
  const box = el("div", { class: "ts-bench" });
  const bench = { model, s, box, slides: new Map(), swatch: (id) => swatch(s.paint(id)) };
  bench.active = () => box.getRootNode().activeElement;
  bench.visible = () => box.offsetParent !== null || box.getClientRects().length > 0;
  Object.assign(bench, benchFetch(bench), benchActions(bench));
  bench.dialogs = dialogs(bench);
  bench.drawer = tileDrawer(bench);
  bench.list = clusterList(bench);
  bench.headPart = clusterHead(bench);
  bench.gallery = tileGallery(bench);
  bench.comparison = comparison(bench);
  bench.overview = overview(bench);
  bench.rightPart = rightPane(bench);
  bench.right = bench.rightPart.element;

  const mid = el("section", { class: "pane mid", "aria-label": "Open cluster", tabindex: "-1" },
    bench.headPart.element, bench.overview.element, bench.comparison.element, bench.gallery.element); // prettier-ignore
  const panes = el("div", { class: "panes" });
  const split = splitters(panes, bench.right, () => bench.resized());
  panes.append(bench.list.element, split.make("left", "Width of the list"), mid, split.make("right", "Width of map and slide"), bench.right, bench.drawer.element);
  bench.rightPart.divide(split.make("map", "Height of the map"));
  const keys = el("span", { class: "keys", "aria-hidden": "true" });
  const last = el("span", { class: "last", role: "status", "aria-live": "polite" });
  box.append(el("h1", { class: "sr" }, "Explore: name the clusters"), panes, el("div", { class: "strip" }, keys, el("span", { class: "grow" }), last), bench.dialogs.veil);
  const style = el("style", {});
  style.textContent = STYLE;
  root.append(style, box);
  root.style.cssText += ";width:100%;height:100%;position:absolute;inset:0";

  bench.rest = () => mid.focus({ preventScroll: true });
  bench.drawStrip = () => {
    const hint = (k, text) => el("span", {}, key(...k.split(" ")), text);
    const typing = bench.active() === bench.headPart.input;
    const shown = s.compare ? [["M", "merge into one"], ["K", "keep apart"], ["Esc", "back"]]
      : typing ? [["Enter", "save and next unnamed"], ["↓", "other names"], ["⇧ Enter", "save and stay"], ["Esc", "back to keys"]]
      : [["↑ ↓", "clusters"], ["/", "find"], ["G", "typical, middle, edge"], ["T", "into the tiles"], ["F6", "next pane"], ["?", "all keys"]]; // prettier-ignore
    keys.replaceChildren(...shown.map(([k, text]) => hint(k, text)));
    last.textContent = s.said;
    last.title = s.said;
  };
  bench.redraw = (moved = false) => {
    const opened = s.open >= 0 && !s.set && !s.compare && s.rows.has(s.open);
    bench.headPart.element.hidden = !opened && !(s.chosen.size > 1 && !s.compare && !s.set);
    bench.gallery.element.hidden = !opened && !s.set;
    bench.list.draw(moved);
    if (!bench.headPart.element.hidden) bench.headPart.draw();
    bench.comparison.draw();
    bench.overview.draw();
    bench.rightPart.draw();
    bench.drawStrip();
    box.dataset.open = s.open;
    box.dataset.pending = s.pending.length;
  };
  bench.resized = () => {
    if (!s.sized) s.tile_px = window.innerHeight >= 900 ? 176 : 120; // as long as nobody has chosen
    bench.list.paint();
    if (!bench.gallery.element.hidden) bench.gallery.draw();
  };
  bench.nextPane = (by) => {
    const stops = [bench.list.list, mid, bench.gallery.grid, bench.rightPart.map, bench.rightPart.slide].filter((stop) => stop.getClientRects().length);
    const here = stops.findIndex((stop) => stop === bench.active() || stop.contains(bench.active()));
    stops[(here + by + stops.length) % stops.length].focus();
  };

  // ---- what changes elsewhere
  const theme = () => box.classList.toggle("dark", Boolean(model.get("dark")));
  const opened = () => {
    const id = model.get("cluster");
    if (id !== s.open) bench.open(id, "elsewhere");
  };
  const decidedElsewhere = () => {
    s.changed();
    bench.redraw();
  };
  const watched = {
    source: () => bench.reload(), decided: decidedElsewhere, answered: () => bench.answered(), cluster: opened, dark: theme, empty: () => bench.overview.draw(),
    lasso: () => bench.showSet(), help: () => bench.dialogs.help(), slide: () => bench.rightPart.draw(), note: () => bench.rightPart.draw(),
  }; // prettier-ignore
  for (const [name, act] of Object.entries(watched)) model.on(`change:${name}`, act);
  const onkey = benchKeys(bench);
  document.addEventListener("keydown", onkey);
  const resize = new ResizeObserver(() => (split.tell(), bench.resized()));
  resize.observe(panes);
  theme();
  split.restore();
  s.open = model.get("cluster");
  bench.reload();
  return () => {
    document.removeEventListener("keydown", onkey);
    resize.disconnect();
    box.remove();
    style.remove();
  };
}
export default { render };
