// A slide to move about in (OpenSeadragon), with its clusters over it: one picture with one pixel a tile, drawn without
// smoothing on a canvas that follows the view. A click picks a tile; hovering names its cluster.
import OpenSeadragon from "openseadragon";

import { paintCells, readCells } from "./lib/cells.js";
import { make, mount } from "./lib/dom.js";
import { length, magnification, micrometres, pixelSize, scaleBar, times } from "./lib/furniture.js";
import { slideBar } from "./lib/slide_bar.js";
import { slideSource } from "./lib/slide_source.js";
import { storedTiles } from "./lib/stored_tiles.js";
import { STYLE } from "./lib/slide_style.js";
import { tileSource } from "./lib/tiles.js";

const BAR_PX = 140;
const STEP = 0.2; // of the view, per press of an arrow key
const ZOOM = 1.5;
const CROSS = 3; // shape of artefacts
const [NONE, ARTEFACT] = [{ light: "#89919f", dark: "#646c7a" }, { light: "#5b6270", dark: "#949caa" }]; // unnamed, artefact
const MARKED_PX = 7; // tiles that are larger on the screen show the pattern of their name
const MANY_CELLS = 12000;
const CLOSEST = 4; // screen pixels per pixel of the slide

function render({ model, el }) {
  const box = make("div", "ts-slide-viewer");
  const stage = make("div", "ts-stage");
  const over = make("canvas", "ts-over");
  const hover = make("div", "ts-slide-hover");
  const note = make("div", "ts-slide-note");
  const power = make("span", "ts-power");
  const cursor = make("span", "ts-cursor");
  const scale = make("div", "ts-scale");
  const scaleText = make("span");
  scale.append(scaleText);
  const foot = make("div", "ts-slide-foot");
  foot.append(cursor, power);
  const height = model.get("height_px");
  box.style.height = height ? `${height}px` : "100%";
  if (!height) el.style.height = "100%";
  box.setAttribute("role", "group");

  let viewer = null;
  let cells = null;
  let picture = make("canvas");
  let hovered = -1;
  let asked = 0;
  let settle = null; // the view to come back to when the box changes its size, until somebody moves
  const about = () => model.get("slide");
  const stored = storedTiles(tileSource(model), () => draw());

  // Between pixels of the slide and pixels of the box; the slide is 1 wide for OpenSeadragon.
  const toBox = (x0, y0) => viewer.viewport.pixelFromPoint(new OpenSeadragon.Point(x0 / about().width, y0 / about().width), true);
  const toSlide = (x, y) => viewer.viewport.pointFromPixel(new OpenSeadragon.Point(x, y), true).times(about().width);
  const perPixel = () => about().width / (viewer.viewport.getZoom(true) * viewer.viewport.getContainerSize().x);
  const cellAt = ({ x, y }) => {
    if (!cells) return -1;
    const [column, row] = [Math.floor(x / about().step0), Math.floor(y / about().step0)];
    const inside = column >= 0 && row >= 0 && column < cells.columns && row < cells.rows;
    return inside && cells.tile[row * cells.columns + column] >= 0 ? row * cells.columns + column : -1;
  };
  const boxOf = (cell) => {
    const { step0, side0 } = about();
    const [x0, y0] = [(cell % cells.columns) * step0, Math.floor(cell / cells.columns) * step0];
    const [from, to] = [toBox(x0, y0), toBox(x0 + side0, y0 + side0)];
    return [from.x, from.y, to.x - from.x, to.y - from.y];
  };
  const name = (id) => (id < 0 ? "no cluster" : (model.get("labels")[model.get("ids").indexOf(id)] ?? `cluster ${id}`));
  const shape = (id) => model.get("shapes")[model.get("ids").indexOf(id)] ?? 0;
  const grey = (id) => (shape(id) === CROSS ? ARTEFACT : NONE)[model.get("dark") ? "dark" : "light"];
  const colour = (id) => {
    const own = model.get("colours")[model.get("ids").indexOf(id)];
    return own === "" ? grey(id) : own; // empty: it has no name, or is an artefact
  };

  const repaint = () => {
    if (!cells) return;
    const hidden = new Set(model.get("hidden"));
    box.dataset.painted = paintCells(picture, cells, (id) => (hidden.has(id) ? undefined : colour(id)));
    describe();
    draw();
  };
  const outline = (context, [x, y, width, height], [outer, inner], line = 2) => {
    context.lineWidth = 2 * line;
    context.strokeStyle = outer;
    context.strokeRect(x - 1, y - 1, width + 2, height + 2);
    context.lineWidth = line;
    context.strokeStyle = inner;
    context.strokeRect(x - 1, y - 1, width + 2, height + 2);
  };
  const draw = () => {
    const context = over.getContext("2d");
    const [ratio, wide, tall] = [devicePixelRatio || 1, box.clientWidth, box.clientHeight];
    if (over.width !== Math.round(wide * ratio) || over.height !== Math.round(tall * ratio))
      [over.width, over.height] = [Math.round(wide * ratio), Math.round(tall * ratio)];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, wide, tall);
    if (!viewer?.isOpen()) return;
    readOut();
    if (!cells) return;
    const { step0 } = about();
    const [from, to] = [toSlide(0, 0), toSlide(wide, tall)];
    const left = Math.max(0, Math.floor(from.x / step0));
    const top = Math.max(0, Math.floor(from.y / step0));
    const right = Math.min(cells.columns, Math.ceil(to.x / step0));
    const bottom = Math.min(cells.rows, Math.ceil(to.y / step0));
    if (right > left && bottom > top) {
      if (about().gone) stored.draw(context, cells, [left, top, right, bottom], boxOf);
      const [start, end] = [toBox(left * step0, top * step0), toBox(right * step0, bottom * step0)];
      context.imageSmoothingEnabled = false;
      context.globalAlpha = model.get("opacity");
      context.drawImage(picture, left, top, right - left, bottom - top, start.x, start.y, end.x - start.x, end.y - start.y);
      context.globalAlpha = 1;
      if ((right - left) * (bottom - top) <= MANY_CELLS) drawMarks(context, [left, top, right, bottom]);
    }
    if (hovered >= 0) outline(context, boxOf(hovered), ["#ffffff00", "#ffffff"]);
    const marked = cells.place.get(model.get("picked"));
    if (marked !== undefined) outline(context, boxOf(marked), ["#111111", "#ffffff"]);
    box.dataset.marked = marked === undefined ? "" : boxOf(marked).map(Math.round).join(" ");
  };
  // Patterns of names that share a colour, and the tiles of what is open, outlined.
  const drawMarks = (context, [left, top, right, bottom]) => {
    const [opened, hidden] = [new Set(model.get("opened")), new Set(model.get("hidden"))];
    const shapes = new Map(model.get("ids").map((id, i) => [id, model.get("shapes")[i] ?? 0]));
    const [, , side] = boxOf(top * cells.columns + left);
    if (side < MARKED_PX && !opened.size) return;
    context.strokeStyle = "#fffd";
    context.lineWidth = 1.5;
    for (let row = top; row < bottom; row++)
      for (let column = left; column < right; column++) {
        const cell = row * cells.columns + column;
        const id = cells.cluster[cell];
        if (cells.tile[cell] < 0) continue;
        const place = boxOf(cell);
        if (side >= MARKED_PX && !hidden.has(id) && model.get("opacity")) pattern(context, place, shapes.get(id) ?? 0);
        if (opened.has(id)) outline(context, place, ["#111111", "#ffffff"], Math.min(2, side / 6));
      }
  };
  const pattern = (context, [x, y, width, height], shape) => {
    if (!shape) return;
    context.beginPath();
    if (shape === 2) context.arc(x + width / 2, y + height / 2, width / 6, 0, 7);
    else {
      context.moveTo(x + 1, y + height - 1);
      context.lineTo(x + width - 1, y + 1);
      if (shape === CROSS) context.moveTo(x + 1, y + 1), context.lineTo(x + width - 1, y + height - 1); // prettier-ignore
    }
    context.stroke();
  };
  const describe = () => {
    const here = new Set(cells?.cluster ?? []);
    const names = [...new Set(model.get("ids").filter((id) => here.has(id)).map(name))];
    const said = names.length ? `; clusters on it: ${names.slice(0, 8).join(", ")}${names.length > 8 ? " and more" : ""}` : "";
    box.setAttribute("aria-label", `Slide viewer${said}. Keys: plus and minus zoom, arrows move, 0 shows all, o hides the clusters.`);
  };
  const readOut = () => {
    const mpp = about().mpp;
    scale.style.display = power.style.display = mpp ? "" : "none";
    if (!mpp) return;
    const shown = scaleBar(perPixel() * mpp, BAR_PX);
    scale.style.width = `${shown.pixels}px`;
    scaleText.textContent = length(shown.um);
    const now = magnification(perPixel() * mpp);
    power.textContent = `${times(now)} · ${(perPixel() * mpp).toPrecision(2)} µm a pixel`;
    power.title = "As through a microscope: 10× is 1 µm a pixel, 40× is 0.25 µm";
    bar.showPower(now);
  };

  const zoomBy = (factor) => {
    settle = null;
    viewer?.viewport.zoomBy(factor);
    viewer?.viewport.applyConstraints();
  };
  const panBy = (x, y) => {
    settle = null;
    const view = viewer.viewport.getBounds();
    viewer.viewport.panBy(new OpenSeadragon.Point(x * STEP * view.width, y * STEP * view.height));
    viewer.viewport.applyConstraints();
  };
  const whole = (atOnce) => {
    settle = () => whole(true);
    viewer?.viewport.goHome(atOnce === true);
  };
  const setPower = (objective) => {
    settle = null;
    const wanted = pixelSize(objective) / about().mpp; // slide pixels per screen pixel
    viewer.viewport.zoomTo(about().width / (wanted * viewer.viewport.getContainerSize().x));
    viewer.viewport.applyConstraints();
  };
  const goTo = (atOnce) => {
    const { slide, box: wanted } = model.get("goto");
    if (!viewer?.isOpen() || slide !== about().id) return;
    settle = () => goTo(true);
    viewer.viewport.fitBounds(new OpenSeadragon.Rect(...wanted.map((value) => value / about().width)), atOnce === true);
  };
  // The page builds its tabs anew when one comes back: what was looked at is kept in the model.
  const comeBack = () => {
    const { slide, box: left } = model.get("seen");
    if (slide !== about().id || left?.length !== 4 || String(left) === String(box_now())) return;
    settle = null;
    viewer.viewport.fitBounds(new OpenSeadragon.Rect(...left), true);
  };
  const box_now = () => {
    const { x, y, width, height } = viewer.viewport.getBounds();
    return [x, y, width, height].map((value) => Number(value.toPrecision(5)));
  };
  const keepView = () => {
    if (settle || !viewer.isOpen()) return;
    model.set("seen", { slide: about().id, box: box_now() });
    model.save_changes();
  };
  const setOpacity = (value) => {
    bar.showOpacity(value);
    model.set("opacity", value);
    model.save_changes();
    draw();
  };

  const bar = slideBar({
    closer: () => zoomBy(ZOOM), farther: () => zoomBy(1 / ZOOM), whole, setPower, setOpacity,
    fullScreen: () => (box.getRootNode().fullscreenElement ? document.exitFullscreen() : box.requestFullscreen()),
  }); // prettier-ignore
  bar.showOpacity(model.get("opacity"));
  describe();
  box.append(stage, scale, foot, bar.element, hover, note);
  const unmount = mount(el, STYLE, box);

  const say = (text) => {
    note.textContent = text;
    note.style.display = text ? "" : "none";
  };
  const open = () => {
    if (!viewer) return;
    hovered = -1;
    cells = null;
    delete box.dataset.ready;
    if (!about().id) {
      viewer.close();
      return draw();
    }
    say("");
    bar.offer(about().mpp);
    viewer.open(slideSource(model, about()));
    loadCells();
  };
  const loadCells = async () => {
    const [url, data] = [model.get("cells_url"), model.get("cells")];
    const mine = ++asked;
    cells = null;
    box.dataset.painted = 0;
    bar.offerClusters(url || data?.byteLength);
    if (url || data?.byteLength) {
      try {
        const read = await readCells(url, data);
        if (mine !== asked) return;
        cells = read;
        return repaint();
      } catch (error) {
        say("The clusters of this slide could not be loaded. Reload the page to try again.");
        box.dataset.error = String(error);
      }
    }
    draw();
  };
  const start = () => {
    if (viewer || !box.clientWidth) return; // a page that is not shown yet
    viewer = new OpenSeadragon.Viewer({
      element: stage, drawer: "canvas", showNavigationControl: false, showNavigator: true, navigatorPosition: "TOP_RIGHT",
      navigatorSizeRatio: 0.17, navigatorAutoFade: false, navigatorBackground: "#fff", navigatorBorderColor: "#d8d5e3",
      navigatorDisplayRegionColor: "#b8447a", maxZoomPixelRatio: CLOSEST, minZoomImageRatio: 0.7, visibilityRatio: 0.4,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: false }, gestureSettingsTouch: { dblClickToZoom: true },
      zoomPerScroll: 1.25, animationTime: 0.4, blendTime: 0, immediateRender: true, imageLoaderLimit: 6, autoResize: false, placeholderFillStyle: "#f7f6fa",
    });
    viewer.canvas.append(over); // over the slide and under the overview, which is not to be painted
    const focus = viewer.canvas.focus; // a click must not scroll the page under the pointer
    viewer.canvas.focus = () => focus.call(viewer.canvas, { preventScroll: true });
    viewer.innerTracker.keyDownHandler = viewer.innerTracker.keyHandler = null; // it would turn and mirror the slide
    viewer.addHandler("update-viewport", draw);
    viewer.addHandler("animation-finish", keepView);
    viewer.addHandler("open", () => {
      const image = viewer.world.getItemAt(0);
      const ready = () => image.getFullyLoaded() && (box.dataset.ready = about().id);
      image.addHandler("fully-loaded-change", ready);
      ready(); // the overview of a slide that is gone comes whole
      whole(true);
      goTo(true);
      comeBack();
      draw();
    });
    for (const moved of ["canvas-drag", "canvas-scroll", "canvas-pinch"]) viewer.addHandler(moved, () => (settle = null));
    viewer.addHandler("open-failed", () => failed());
    viewer.addHandler("tile-load-failed", () => failed());
    viewer.addHandler("canvas-click", (event) => {
      if (!event.quick) return;
      const cell = cellAt(toSlide(event.position.x, event.position.y));
      if (cell < 0) return;
      model.set("picked", cells.tile[cell]);
      model.save_changes();
      draw();
    });
    open();
  };
  const failed = () => {
    say(about().gone ? "The overview of this slide cannot be read." : "A part of this slide cannot be read; it stays blank.");
    model.set("failed", model.get("failed") + 1);
    model.save_changes();
  };

  box.onpointermove = (event) => {
    if (!viewer?.isOpen()) return;
    const frame = box.getBoundingClientRect();
    const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
    const at = toSlide(x, y);
    const { mpp, width, height } = about();
    const inside = at.x >= 0 && at.y >= 0 && at.x < width && at.y < height;
    cursor.textContent = !inside ? "" : mpp
      ? `x ${micrometres(at.x * mpp)}, y ${micrometres(at.y * mpp)}` : `x ${Math.round(at.x)}, y ${Math.round(at.y)} px`; // prettier-ignore
    const cell = over.contains(event.target) || stage.contains(event.target) ? cellAt(at) : -1;
    hover.style.display = cell < 0 ? "none" : "";
    if (cell >= 0) {
      const id = cells.cluster[cell];
      const dot = make("i");
      dot.style.background = colour(id) ?? "#9aa0a6";
      hover.replaceChildren(dot, name(id));
      hover.style.left = `${Math.min(x + 16, frame.width - hover.offsetWidth - 8)}px`;
      hover.style.top = `${Math.min(y + 16, frame.height - hover.offsetHeight - 8)}px`;
    }
    if (cell !== hovered) {
      hovered = cell;
      draw();
    }
  };
  box.onpointerleave = () => {
    hover.style.display = "none";
    cursor.textContent = "";
    hovered = -1;
    draw();
  };
  const keys = {
    "+": () => zoomBy(ZOOM), "=": () => zoomBy(ZOOM), "-": () => zoomBy(1 / ZOOM), "_": () => zoomBy(1 / ZOOM), "0": whole, o: () => bar.toggle(),
    ArrowLeft: () => panBy(-1, 0), ArrowRight: () => panBy(1, 0), ArrowUp: () => panBy(0, -1), ArrowDown: () => panBy(0, 1),
  }; // prettier-ignore
  box.onkeydown = (event) => {
    const act = keys[event.key];
    if (!act || !viewer?.isOpen() || event.target === bar.slider || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  };

  const resize = new ResizeObserver(() => {
    if (!viewer) start();
    else if (box.clientWidth) {
      viewer.forceResize(); // a hidden tab keeps its view
      viewer.addOnceHandler("update-viewport", () => settle?.());
    }
  });
  resize.observe(box);
  say("");
  hover.style.display = "none";
  model.on("change:slide", open);
  model.on("change:cells_url", () => viewer && loadCells());
  model.on("change:cells", () => viewer && loadCells());
  model.on("change:goto", () => goTo());
  for (const name of ["hidden", "colours", "shapes", "dark", "labels"]) model.on(`change:${name}`, repaint);
  model.on("change:opened", draw);
  model.on("change:seen", () => viewer?.isOpen() && comeBack());
  model.on("change:picked", draw);
  model.on("change:opacity", () => {
    bar.showOpacity(model.get("opacity"));
    draw();
  });
  start();
  return () => {
    resize.disconnect();
    viewer?.destroy();
    unmount();
  };
}
export default { render };
