// The map of tiles: all of them, as one binary file over HTTP (or as `data` in a notebook), thinned by density as they are drawn
// (lib/thinning.js). A lasso sends its polygon, never ids, and says at once what it holds; hovering shows the tile.
import { boundsOf, camera } from "./lib/camera.js";
import { make, mount } from "./lib/dom.js";
import { glPoints } from "./lib/gl_points.js";
import { inside } from "./lib/lasso.js";
import { lassoCard, partsOf } from "./lib/lasso_card.js";
import { mapBar } from "./lib/map_bar.js";
import { mapInk } from "./lib/map_ink.js";
import { steer } from "./lib/map_steer.js";
import { HOVER_PX, LOOKS, STYLE, rgb } from "./lib/map_style.js";
import { readCodes, readPoints } from "./lib/points.js";
import { fittingRuns, levelFor, members, nearest, sorted } from "./lib/thinning.js";
import { tileSource } from "./lib/tiles.js";

const whenIdle = window.requestIdleCallback ?? ((act) => setTimeout(act, 300)); // Safari has none
const REST_FIRST_MS = 3000; // WebGL without a GPU takes a while to start, and nothing else is drawn meanwhile
const SETTLED_MS = 250;
const REACH_PX = 8; // around the pointer, in which a point is found
const OPEN_PX = 2.5; // by which points of the open cluster are larger
const RING_FROM_PX = 4.5; // points smaller than this have no ring
const CROSS = 3;
const usual = (n) => Math.max(2.5, Math.min(6, 400 / Math.sqrt(n))); // diameter of a point, px
const NO_WEBGL = "This browser cannot draw the map: it has no WebGL. The list of clusters and the gallery work without it.";

function render({ model, el }) {
  const box = make("div", "ts-map");
  const stage = make("div", "ts-map-stage");
  const canvas = make("canvas");
  const over = make("canvas");
  const hover = make("div", "ts-map-hover");
  const picture = make("img");
  const caption = make("span");
  const key = make("div", "ts-map-key");
  const note = make("div", "ts-map-note", model.get("url") || model.get("data")?.byteLength ? "Loading the map…" : "");
  const height = model.get("height_px");
  box.style.height = height ? `${height}px` : "100%";
  if (!height) el.style.height = "100%";
  hover.append(picture, caption);
  key.style.display = "none";
  canvas.setAttribute("role", "img");
  stage.tabIndex = 0;
  stage.setAttribute("role", "group");
  stage.setAttribute("aria-label", "Map of tiles. Keys: arrows move, plus and minus zoom, 0 shows all, L draws a lasso, Escape lets go.");

  const source = tileSource(model);
  const view = camera();
  let gl = null;
  let points = null;
  let codes = null; // values of the tiles where something else than clusters colours them
  let code = null; // what each point is drawn as
  let index = null;
  let groups = null; // where the points of each cluster lie in it
  let own = ""; // what the points of open clusters were collected for
  let drawing = 0;
  let waiting = 0; // for the browser to be idle
  let settling = 0;
  let asked = 0;
  let gone = false;
  let hovered = -1;
  let lassoed = [];
  let place = new Map(); // of each cluster in ids
  const look = () => LOOKS[model.get("dark") ? "dark" : "light"];
  const tell = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
  };
  const open = () => [model.get("highlight"), ...(model.get("compared") ?? [])].filter((id) => place.has(id));

  // Colours: an empty one stands for "has no name", which differs in light and dark.
  const shade = (colour, shape) => colour || (shape === CROSS ? look().artefact : look().unnamed);
  const about = {
    get open() { return open(); },
    of(id) {
      const i = place.get(id) ?? -1;
      const shape = model.get("shapes")[i] ?? 0;
      return { colour: shade(model.get("colours")[i] ?? look().none, shape), shape, name: model.get("names")[i] ?? "", number: model.get("numbers")[i] ?? String(id) };
    },
    title: (id) => (id < 0 ? "in no cluster" : (model.get("labels")[place.get(id)] ?? `cluster ${id}`)),
  }; // prettier-ignore
  const looks = () => {
    const entries = codes ? model.get("entries") : model.get("ids").map((id, i) => [id, model.get("colours")[i], model.get("shapes")[i] ?? 0]);
    return [...entries.map(([, colour, shape = 0]) => [rgb(shade(colour, shape)), shape]), [rgb(look().none), 0]];
  };

  // The open clusters' points, to be drawn over the others: a buffer for each, as fine as what is drawn.
  const collect = (level) => {
    const wanted = `${open()} ${level}`;
    if (wanted === own) return;
    own = wanted;
    open().forEach((id, slot) => {
      groups ??= members(index, points.cluster);
      const found = groups.of(id).filter((k) => index.level[k] <= level);
      const places = new Float32Array(2 * found.length);
      found.forEach((at, k) => {
        places[2 * k] = points.x[index.order[at]];
        places[2 * k + 1] = points.y[index.order[at]];
      });
      gl.put(`open ${slot}`, places, new Uint16Array(found.length));
      collect.sizes[slot] = found.length;
    });
  };
  collect.sizes = [];
  const draw = () => {
    drawing = 0;
    if (gone || !gl || !index || gl.lost()) return;
    const ratio = devicePixelRatio || 1;
    const [wide, tall] = view.size;
    if (canvas.width !== Math.round(wide * ratio)) canvas.width = Math.round(wide * ratio);
    if (canvas.height !== Math.round(tall * ratio)) canvas.height = Math.round(tall * ratio);
    const size = (model.get("point_size") || usual(points.n)) * Math.min(2.6, view.zoom ** 0.3);
    const fitting = fittingRuns(index, view.area(), levelFor(view.scale, size), model.get("most"));
    const style = { size: size * ratio, ring: rgb(look().paper), ringPx: size >= RING_FROM_PX ? 0.8 * ratio : 0 };
    gl.clear(canvas.width, canvas.height);
    gl.draw("all", fitting.runs, view.clip(), style);
    collect(fitting.level);
    open().forEach((_, slot) => {
      const large = { ...style, size: (size + OPEN_PX) * ratio, ringPx: 0.8 * ratio, ink: rgb(look().ink) };
      gl.draw(`open ${slot}`, [[0, collect.sizes[slot]]], view.clip(), slot ? { ...large, hole: rgb(look().paper) } : large);
    });
    draw.level = fitting.level;
    const marked = [model.get("picked"), hovered].filter((i) => i >= 0 && i < points.n).map((i) => view.toScreen(points.x[i], points.y[i]));
    const polygon = hand.drawn() ?? model.get("polygon");
    ink.draw(view, about, look(), { mode: model.get("labelled"), polygon, marked });
    box.dataset.shown = fitting.shown;
    box.dataset.labels = ink.labels.length;
    note.style.display = "none";
    box.dataset.ready = points.n;
  };
  const redraw = () => (drawing ||= requestAnimationFrame(draw));
  const ink = mapInk(over, source, redraw);

  const moved = () => {
    redraw();
    clearTimeout(settling);
    settling = setTimeout(() => {
      if (!gone && String(view.window) !== String(model.get("seen"))) tell({ seen: view.window });
    }, SETTLED_MS);
  };
  const paint = () => {
    place = new Map(model.get("ids").map((id, i) => [id, i]));
    own = "";
    describe();
    if (!gl || !index) return;
    gl.paint(looks());
    redraw();
  };
  // Codes of all points, their order, and both in the card's memory.
  const sort = () => {
    if (!gl || !points) return;
    place = new Map(model.get("ids").map((id, i) => [id, i]));
    const last = codes ? model.get("entries").length : place.size;
    code = new Uint16Array(points.n);
    for (let i = 0; i < points.n; i++) code[i] = codes ? (codes[i] < 0 ? last : codes[i]) : (place.get(points.cluster[i]) ?? last);
    if (!index || !model.get("ramp")?.length) {
      index = sorted(points, code, last + 1); // shades of a number need no order of their own
      groups = null;
    }
    const { order } = index;
    const places = new Float32Array(2 * order.length);
    const drawn = new Uint16Array(order.length);
    for (let k = 0; k < order.length; k++) {
      const i = order[k];
      places[2 * k] = points.x[i];
      places[2 * k + 1] = points.y[i];
      drawn[k] = code[i];
    }
    gl.put("all", places, drawn);
    paint();
  };
  const failed = (words, error) => {
    note.style.display = "grid";
    note.textContent = words;
    box.dataset.error = String(error);
  };
  // There is no map (any more): nothing is drawn, and the page says why.
  const forget = () => {
    points = index = codes = groups = null;
    note.textContent = "";
    delete box.dataset.ready;
    gl.clear(canvas.width, canvas.height);
    over.getContext("2d").clearRect(0, 0, over.width, over.height);
    card.hide();
    describe();
  };
  const load = async () => {
    const [url, data, mine] = [model.get("url"), model.get("data"), ++asked];
    if (!gl) return;
    if (!url && !data?.byteLength) return forget();
    note.textContent = points ? "" : "Loading the map…";
    try {
      const read = await readPoints(url, data);
      if (mine !== asked || gone) return;
      points = read;
      index = null;
      if (codes?.length !== points.n) codes = null;
      view.bound(boundsOf(points));
      if (!load.done) view.window = model.get("seen") ?? [];
      load.done = true;
      ink.find(points);
      sort();
      await loadCodes();
      holdLasso();
    } catch (error) {
      failed("The map could not be loaded. Reload the page to try again.", error);
    }
  };
  const loadCodes = async () => {
    const [url, data, mine] = [model.get("values_url"), model.get("values"), (loadCodes.asked = (loadCodes.asked ?? 0) + 1)];
    let read = null;
    try {
      if (url || data?.byteLength) read = await readCodes(url, data);
    } catch (error) {
      box.dataset.error = String(error);
    }
    if (mine !== loadCodes.asked || gone || !points || (!read && !codes)) return;
    codes = read?.length === points.n ? read : null;
    sort();
  };

  const describe = () => {
    const ids = model.get("ids");
    const by = model.get("colour_options").find(([value]) => value === model.get("colour_by"))?.[1];
    const [chosen] = open();
    const words = `Map of ${(points?.n ?? 0).toLocaleString("en")} tiles in ${ids.length.toLocaleString("en")} clusters`;
    const names = [...new Set(model.get("names").filter(Boolean))];
    canvas.setAttribute("aria-label", [
      words, by ? `coloured by ${by}` : "", chosen === undefined ? "no cluster is open" : `${about.title(chosen)} is open`,
      names.length ? `named: ${names.slice(0, 8).join(", ")}` : "",
    ].filter(Boolean).join("; ")); // prettier-ignore
    const entries = codes ? model.get("entries") : [];
    const ramp = model.get("ramp") ?? [];
    key.style.display = entries.length ? "" : "none";
    if (ramp.length) {
      const bar = make("span", "ramp");
      bar.style.background = `linear-gradient(to right,${entries.map(([, colour]) => colour).join(",")})`;
      const ends = make("div", "", `${ramp[0]} – ${ramp[1]}`);
      return key.replaceChildren(bar, ends);
    }
    const line = ([label, colour, shape = 0]) => {
      const row = make("div");
      const dot = make("i");
      dot.style.background = shade(colour, shape);
      row.append(dot, label);
      return row;
    };
    key.replaceChildren(...entries.slice(0, 12).map(line));
    if (entries.length > 12) key.append(make("div", "", `and ${entries.length - 12} more`));
  };
  const groupOf = (tile) => {
    const id = points.cluster[tile];
    if (id < 0) return { label: "in no cluster", colour: look().none };
    const { name, colour } = about.of(id);
    return { label: name || about.title(id), colour };
  };
  const holdLasso = () => {
    const polygon = model.get("polygon");
    lassoed = points && polygon.length >= 3 ? inside(points, polygon) : [];
    const parts = partsOf(lassoed, groupOf);
    if (lassoed.length && model.get("carded")) card.show(lassoed, parts);
    else card.hide();
    box.dataset.lassoed = lassoed.length;
    const found = { n: lassoed.length, parts: parts.slice(0, 50).map(({ label, n }) => [label, n]) };
    if (JSON.stringify(found) !== JSON.stringify(model.get("held"))) tell({ held: found });
    redraw();
  };
  const release = () => {
    tell({ highlight: -1, picked: -1, polygon: [] });
    holdLasso();
    paint();
  };
  const choose = (tile) => {
    const id = points.cluster[tile];
    tell(id >= 0 ? { picked: tile, highlight: id } : { picked: tile });
    paint();
  };
  const card = lassoCard({
    release: () => {
      tell({ polygon: [] });
      holdLasso();
    },
    source,
    open: choose,
  });
  const pointAt = (x, y) => (index ? nearest(index, points, view.toMap(x, y), REACH_PX / view.scale, draw.level) : -1);

  const hand = steer(stage, view, {
    moved,
    redraw,
    lassoed(polygon) {
      tell({ polygon });
      setMode("move");
      holdLasso();
    },
    clicked(x, y) {
      if (!points) return;
      const label = ink.at(x, y);
      const tile = label ? -1 : pointAt(x, y);
      if (label) tell({ highlight: label.id });
      else if (tile >= 0) return choose(tile);
      else return release();
      paint();
    },
    async over(x, y) {
      const at = points && x !== null && !ink.at(x, y) ? pointAt(x, y) : -1;
      if (at === hovered) return;
      hovered = at;
      redraw();
      stage.dataset.over = at >= 0;
      hover.style.display = at < 0 ? "none" : "block";
      if (at < 0) return;
      const value = codes ? model.get("entries")[codes[at]]?.[0] : "";
      caption.textContent = [about.title(points.cluster[at]), value].filter(Boolean).join(" · ");
      const [wide, tall] = view.size;
      hover.style.left = `${Math.max(4, Math.min(x + 14, wide - HOVER_PX - 8))}px`;
      hover.style.top = `${Math.max(4, Math.min(y + 14, tall - HOVER_PX - 40))}px`;
      hover.dataset.tile = at;
      picture.removeAttribute("src");
      picture.alt = "";
      const address = await source.address(at);
      if (hover.dataset.tile === String(at)) picture.src = address;
    },
    released: release,
    lasso: () => setMode("lasso"),
  });
  const setMode = (mode) => {
    hand.mode = stage.dataset.mode = mode;
    bar.showMode(mode);
  };
  const bar = mapBar({
    setMode,
    setLabels: (labelled) => {
      tell({ labelled });
      redraw();
    },
    setColour: (colour_by) => tell({ colour_by }),
    whole: () => {
      view.whole();
      moved();
    },
  });
  const offer = () => {
    bar.offer(model.get("colour_options"), model.get("colour_by"));
    describe();
  };
  stage.append(canvas, over, key, hover, note, card.element);
  box.append(bar.element, stage);
  const unmount = mount(el, STYLE, box);
  setMode("move");
  bar.showLabels(model.get("labelled"));
  offer();

  const begin = () => {
    waiting = 0;
    if (gl || gone) return;
    gl = glPoints(canvas);
    if (!gl) return failed(NO_WEBGL, "no WebGL");
    load();
  };
  canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
  canvas.addEventListener("webglcontextrestored", () => {
    if (gone) return;
    gl = glPoints(canvas);
    own = "";
    sort();
  });
  const resize = new ResizeObserver(() => {
    const [wide, tall] = [stage.clientWidth, stage.clientHeight];
    if (!wide || !tall) return; // a page that is not shown
    view.resize(wide, tall);
    redraw();
    if (!gl && !waiting) waiting = whenIdle(begin, { timeout: REST_FIRST_MS });
  });
  resize.observe(stage);
  const heard = {
    url: load, data: load, values_url: loadCodes, values: loadCodes, ids: sort, polygon: holdLasso,
    labelled: () => (bar.showLabels(model.get("labelled")), redraw()), colour_options: offer, colour_by: offer, picked: redraw,
    seen: () => {
      if (String(view.window) === String(model.get("seen"))) return;
      view.window = model.get("seen") ?? [];
      redraw();
    },
  }; // prettier-ignore
  for (const name of ["colours", "shapes", "names", "labels", "numbers", "entries", "highlight", "compared", "dark", "point_size", "most"]) heard[name] = paint;
  for (const [name, act] of Object.entries(heard)) model.on(`change:${name}`, act);
  return () => {
    gone = true;
    clearTimeout(settling);
    resize.disconnect();
    hand.stop();
    gl?.destroy();
    unmount();
  };
}
export default { render };
