// The map of tiles: points over HTTP as one binary file (or as `data` in a notebook), drawn by regl-scatterplot.
// A lasso sends its polygon, never ids; hovering shows the tile.
import createScatterplot from "regl-scatterplot";

import { fitting, typicalDensity } from "./lib/density.js";
import { button, make, mount } from "./lib/dom.js";
import { readPoints, shuffled, thinned } from "./lib/points.js";
import { tileSource } from "./lib/tiles.js";

const OTHERS = { light: "#b9bdc9", dark: "#666978" }; // tiles of other clusters than the highlighted one
const LOOKS = {
  light: { backgroundColor: "#ffffff", pointColorActive: "#111111", pointColorHover: "#111111", lassoColor: "#4f3d8f" },
  dark: { backgroundColor: "#16161e", pointColorActive: "#ffffff", pointColorHover: "#ffffff", lassoColor: "#b3a4f0" },
};
const HOVER_PX = 120;
const whenIdle = window.requestIdleCallback ?? ((act) => setTimeout(act, 300)); // Safari has none
const REST_FIRST_MS = 3000; // WebGL without a GPU takes a second to start, and nothing else is drawn meanwhile
const SEEN = 0.6; // opacity that a highlighted cluster has at least
const SETTLED_MS = 120;
const MARGIN = 0.3; // around what is in sight, so that there is something to see while the map is moved
const FARTHEST_AND_NEAREST = [0.8, 5000]; // scrolling up past the map must not shrink it to nothing
const STYLE = `
.ts-map{position:relative;width:100%;border-radius:10px;overflow:hidden;background:var(--paper);touch-action:none}
.ts-map canvas{width:100%;height:100%;display:block}
.ts-map-bar{position:absolute;left:10px;top:10px;display:flex;gap:2px;padding:3px;border-radius:9px;background:color-mix(in srgb,var(--paper) 93%,transparent);
  box-shadow:0 1px 4px #1a1a2e26;z-index:2}
.ts-map-bar button{border:0;background:none;font:500 12px/1 system-ui,sans-serif;color:var(--soft);padding:7px 10px;border-radius:7px;cursor:pointer}
.ts-map-bar button:hover{background:var(--tint)}
.ts-map-bar button:focus-visible{outline:2px solid var(--violet);outline-offset:1px}
.ts-map-bar button[aria-pressed=true]{background:var(--violet);color:var(--paper)}
.ts-map-hover{position:absolute;display:none;width:${HOVER_PX}px;padding:3px;border-radius:8px;background:var(--paper);
  box-shadow:0 4px 18px #1a1a2e55;pointer-events:none;z-index:3;font:12px/1.35 system-ui,sans-serif;color:var(--ink)}
.ts-map-hover img{width:${HOVER_PX - 6}px;height:${HOVER_PX - 6}px;border-radius:6px;display:block;background:var(--line)}
.ts-map-hover span{display:block;padding:3px 3px 1px;overflow-wrap:anywhere}
.ts-map-asleep{position:absolute;left:50%;bottom:14px;transform:translateX(-50%);padding:6px 12px;border-radius:8px;background:var(--paper);color:var(--soft);
  box-shadow:0 1px 6px #1a1a2e40;font:12px system-ui,sans-serif;opacity:0;transition:opacity .2s;pointer-events:none;z-index:2}
.ts-map-asleep.told{opacity:1}
.ts-map-share{position:absolute;right:10px;bottom:8px;font:12px system-ui,sans-serif;color:var(--quiet);pointer-events:none;z-index:2}
.ts-map-note{position:absolute;inset:0;display:grid;place-items:center;font:14px system-ui,sans-serif;color:var(--quiet);pointer-events:none}
`;

function render({ model, el }) {
  const box = make("div", "ts-map");
  box.style.height = `${model.get("height_px")}px`;
  const canvas = make("canvas");
  const hover = make("div", "ts-map-hover");
  const picture = make("img");
  const caption = make("span");
  hover.append(picture, caption);
  const note = make("div", "ts-map-note", "Loading the map…");
  const source = tileSource(model);

  let plot = null;
  let points = null;
  let drawn = { shown: null, rate: 1 }; // numbers of the points that are drawn, null = all
  let waiting = 0; // for the browser to be idle
  let settling = 0; // until the view has come to rest
  let gone = false;
  let awake = false; // the wheel zooms once the map has been pressed; before, it scrolls the page
  let fresh = 0;
  const look = () => LOOKS[model.get("dark") ? "dark" : "light"];
  const most = () => model.get("most"); // points are drawn at a time: where more are in sight, a fair sample of them
  const setMode = (mode) => {
    plot?.set({ mouseMode: mode });
    pan.setAttribute("aria-pressed", mode === "panZoom");
    lasso.setAttribute("aria-pressed", mode === "lasso");
  };
  const pan = button("Move", "Drag to move; click the map, and the wheel zooms it", () => setMode("panZoom"));
  const lasso = button("Lasso", "Draw around tiles to see them in the gallery", () => setMode("lasso"));
  lasso.classList.add("ts-map-lasso");
  const whole = button("Whole map", "Show all points again", () => plot?.reset());
  const bar = make("div", "ts-map-bar");
  bar.append(pan, lasso, whole);
  const asleep = make("div", "ts-map-asleep", "Click the map, then the wheel zooms it");
  const share = make("div", "ts-map-share");
  box.append(canvas, bar, hover, note, asleep, share);
  box.addEventListener("pointerdown", () => (awake = true));
  box.addEventListener("pointerleave", () => {
    awake = false;
    asleep.classList.remove("told");
  });
  box.addEventListener("wheel", (event) => {
    if (awake || event.ctrlKey || event.metaKey) return asleep.classList.remove("told");
    event.stopPropagation();
    asleep.classList.add("told");
  }, { capture: true, passive: true });
  const unmount = mount(el, STYLE, box);
  setMode("panZoom");

  // Shaded by density: the thicker points lie at this zoom, the less opaque each is.
  const shade = (most) => {
    const zoom = plot.get("camera").scaling[0];
    const diameter = model.get("point_size") * (Math.asinh(Math.max(1, zoom)) / Math.asinh(1)); // as the plot scales points
    return fitting(points.density * drawn.rate, diameter, (plot.get("height") / 2) * zoom, most);
  };
  const categories = () => {
    const chosen = model.get("highlight");
    const ids = model.get("ids");
    const quiet = OTHERS[model.get("dark") ? "dark" : "light"];
    const pointColor = ids.map((id, i) => (chosen < 0 || id === chosen ? model.get("colours")[i] : quiet));
    // the plot takes a new list only if its set of values is another: a highlight that moves would only swap them
    fresh = (fresh + 1) % 1000;
    const [all, own, others] = [shade(0.7), Math.max(shade(1), SEEN), shade(0.25)].map((value) => value - fresh * 1e-6);
    box.dataset.opacity = chosen < 0 ? all : own;
    const opacity = ids.map((id) => (chosen < 0 ? all : id === chosen ? own : others));
    // regl-scatterplot wants at least two entries, and the last one stands for unassigned tiles (-1)
    return { pointColor: [...pointColor, quiet], opacity: [...opacity, Math.min(others, 0.2)] };
  };
  const inSight = () => {
    const camera = plot.get("camera");
    const half_y = (1 + MARGIN) / camera.scaling[1];
    return { x: camera.target[0], y: camera.target[1], half_x: (half_y * plot.get("width")) / plot.get("height"), half_y };
  };
  const paint = async () => {
    if (!plot || !points) return;
    const order = new Map(model.get("ids").map((id, i) => [id, i]));
    if (points.n > most()) drawn = thinned(points, inSight(), most(), model.get("highlight"));
    const { shown } = drawn;
    const take = (values) => (shown ? Float32Array.from(shown, (i) => values[i]) : values);
    const category = Float32Array.from(take(points.cluster), (id) => order.get(id) ?? order.size);
    plot.set({ ...categories(), colorBy: "valueA", opacityBy: "valueA", pointSize: model.get("point_size") });
    plot.hover(-1); // the plot counts what is drawn, and that has changed
    hover.style.display = "none";
    await plot.draw({ x: take(points.x), y: take(points.y), valueA: category }, { zDataType: "categorical" });
    const picked = shown ? shown.indexOf(model.get("picked")) : -1;
    if (shown) plot.select(picked < 0 ? [] : [picked], { preventEvent: true });
    note.style.display = "none";
    share.textContent = drawn.rate < 1 ? `one tile in ${Math.round(1 / drawn.rate)} is drawn: zoom in to see more` : "";
    box.dataset.shown = shown?.length ?? points.n;
    box.dataset.ready = points.n;
  };
  const atRest = () => {
    if (!plot || !points) return;
    if (points.n > most()) paint();
    else plot.set({ opacity: categories().opacity });
  };
  const load = async () => {
    const data = model.get("data");
    const url = model.get("url");
    if (!url && !data?.byteLength) return;
    try {
      points = await readPoints(url, data);
      points.density = typicalDensity(points);
      drawn = { shown: null, rate: 1 };
      if (points.n > most()) points.turn = shuffled(points.n);
      await paint();
    } catch (error) {
      note.style.display = "grid";
      note.textContent = "The map could not be loaded. Reload the page to try again.";
      box.dataset.error = String(error);
    }
  };
  const outline = () => {
    if (!plot) return;
    const polygon = model.get("polygon");
    plot.clearAnnotations();
    if (polygon.length < 3) plot.deselect();
    else plot.drawAnnotations([{ vertices: [...polygon, polygon[0]], lineColor: look().lassoColor, lineWidth: 2 }]);
  };
  const showHover = async (at) => {
    const [x, y] = plot.getScreenPosition(at) ?? [0, 0];
    const i = drawn.shown ? drawn.shown[at] : at;
    const cluster = points.cluster[i];
    caption.textContent = model.get("labels")[model.get("ids").indexOf(cluster)] ?? `cluster ${cluster}`;
    hover.style.left = `${Math.min(x + 14, box.clientWidth - HOVER_PX - 8)}px`;
    hover.style.top = `${Math.max(4, Math.min(y + 14, box.clientHeight - HOVER_PX - 40))}px`;
    hover.style.display = "block";
    hover.dataset.tile = i;
    picture.removeAttribute("src");
    const address = await source.address(i);
    if (hover.dataset.tile === String(i)) picture.src = address;
  };
  const start = () => {
    waiting = 0;
    const { width, height } = box.getBoundingClientRect();
    if (plot || gone || !width) return; // a page that is not shown yet
    plot = createScatterplot({
      canvas, width, height, pointSize: model.get("point_size"), pointOutlineWidth: 2, ...look(),
      cameraDistance: 1.08, // points at the border are whole
    });
    plot.get("camera").setScaleBounds([FARTHEST_AND_NEAREST, FARTHEST_AND_NEAREST]);
    plot.subscribe("pointOver", showHover);
    plot.subscribe("pointOut", () => (hover.style.display = "none"));
    plot.subscribe("view", () => {
      clearTimeout(settling);
      settling = setTimeout(atRest, SETTLED_MS);
    });
    plot.subscribe("select", ({ points: chosen }) => {
      if (chosen.length !== 1) return;
      model.set("picked", drawn.shown ? drawn.shown[chosen[0]] : chosen[0]);
      model.save_changes();
    });
    plot.subscribe("lassoEnd", ({ coordinates }) => {
      if (!coordinates || coordinates.length < 3) return;
      model.set("polygon", Array.from(coordinates, ([x, y]) => [x, y]));
      model.save_changes();
      outline();
      setMode("panZoom");
    });
    load();
  };
  const resize = new ResizeObserver(() => {
    const { width, height } = box.getBoundingClientRect();
    if (plot && width) plot.set({ width, height });
    else if (width && !waiting) waiting = whenIdle(start, { timeout: REST_FIRST_MS });
  });
  resize.observe(box);
  model.on("change:url", load);
  model.on("change:data", load);
  model.on("change:highlight", () => {
    if (!plot || !points) return;
    if (points.n > most()) paint(); // so that all tiles of the cluster are there
    else plot.set(categories());
  });
  model.on("change:colours", paint);
  model.on("change:polygon", outline);
  model.on("change:dark", () => {
    plot?.set(look());
    if (points) plot?.set(categories());
    outline();
  });
  return () => {
    gone = true;
    clearTimeout(settling);
    resize.disconnect();
    plot?.destroy();
    plot = null;
    unmount();
  };
}
export default { render };
