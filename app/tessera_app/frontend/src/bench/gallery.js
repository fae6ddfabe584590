// Tiles of the open cluster: typical, middle, edge, by slide, or all page by page. One stop of Tab; a cursor goes about in it.
import { count, el, plural, rove } from "./el.js";

export const VIEWS = { spread: "Spread", typical: "Typical", middle: "Middle", edge: "Edge", slide: "By slide", all: "All" };
const HELP = { typical: "nearest to the centre", middle: "half-way out", edge: "farthest first" };
const ORDERS = { near: "nearest first", slide: "by slide", new: "newest first" };
const GAP = 4;
const LEAST_PX = 64;
const MOST_PX = 224;
const HOVER_MS = 450;

export function tileGallery(bench) {
  const { s } = bench;
  const views = el("div", { class: "seg views", role: "tablist", "aria-label": "Which tiles" });
  const order = el("select", { class: "order", "aria-label": "Order of all tiles", hidden: true }, Object.entries(ORDERS).map(([k, text]) => el("option", { value: k }, text)));
  const size = el("input", { type: "range", min: String(LEAST_PX), max: String(MOST_PX), step: "4", "aria-label": "Size of the tiles" });
  const note = el("div", { class: "note", role: "note", hidden: true });
  const grid = el("div", { class: "gal", role: "listbox", id: "gallery", "aria-multiselectable": "true", tabindex: "0" });
  const alike = el("div", { class: "alike" });
  const foot = el("div", { class: "gfoot", role: "group", "aria-label": "Chosen tiles", hidden: true });
  const tip = el("div", { class: "tip native", hidden: true });
  const element = el("div", { class: "gallery" },
    el("div", { class: "gbar" }, views, order, el("span", { class: "grow" }), el("label", { class: "rng", title: "Size of the tiles (− +)" }, size)),
    note, grid, alike, foot, tip); // prettier-ignore
  const settle = rove(views);
  let pages = []; // of "all"
  let total = 0;
  let asked = 0;
  let hovering = 0;

  const fitting = () => {
    const width = grid.clientWidth - 30;
    const n = Math.max(2, Math.ceil((width + GAP) / (s.tile_px + GAP)));
    return { n, px: Math.max(40, Math.floor((width - GAP * (n - 1)) / n)) };
  };
  const slideName = (slide) => bench.slides.get(slide) ?? "";
  const tile = ([id, slide]) =>
    el("div", { class: "gt", role: "option", id: `tile-${id}`, "data-tile": String(id), "data-slide": String(slide), "aria-label": `tile ${id}, ${slideName(slide)}` },
      el("img", { src: `t/${id}`, alt: "", loading: "lazy", decoding: "async", draggable: false })); // prettier-ignore
  const section = (title, help, tiles) =>
    tiles.length
      ? el("div", { class: "gsec", role: "group", "aria-label": title },
          el("div", { class: "gh", "aria-hidden": "true" }, title, " ", el("span", {}, help)), el("div", { class: "grid" }, tiles.map(tile))) // prettier-ignore
      : "";
  const sections = (about) => {
    if (s.set) return [section("Inside the lasso", s.set.help, s.set.tiles), s.similar ? section("Most like it", "from any cluster", s.similar) : ""];
    const first = s.similar ? [section("Most like it", "from any cluster, nearest first", s.similar)] : [];
    if (s.view === "all") return [...first, section("All", `${count(total)} tiles, ${ORDERS[s.order]}`, pages)];
    if (s.view === "slide")
      return [...first, ...about.by_slide.map((part) => section(slideName(part.slide), `${count(part.n)} of ${count(about.n)} tiles`, part.tiles))];
    const rows = s.view === "spread" ? ["typical", "middle", "edge"] : [s.view];
    const { n, px } = fitting();
    const least = s.view === "spread" ? Math.max(1, Math.floor((grid.clientHeight / 3 - 26) / (px + GAP))) * n : 24;
    const known = new Set();
    return [...first, ...rows.map((row) => {
      const fresh = about[row].filter(([id]) => !known.has(id)).slice(0, least); // a small cluster shows each tile once
      fresh.forEach(([id]) => known.add(id));
      return section(VIEWS[row], HELP[row], fresh);
    })]; // prettier-ignore
  };
  const drawViews = (about) => {
    const focused = views.contains(bench.active());
    views.replaceChildren(
      ...Object.entries(VIEWS).map(([k, text]) =>
        el("button", { type: "button", role: "tab", "data-view": k, "aria-selected": String(s.view === k), "aria-controls": "gallery", onclick: () => show(k) },
          text, k === "all" ? el("i", {}, count(about?.n ?? s.size(s.open))) : ""), // prettier-ignore
      ),
    );
    settle();
    if (focused) views.querySelector("[aria-selected=true]")?.focus();
    views.hidden = Boolean(s.set);
    order.hidden = s.view !== "all" || Boolean(s.set);
  };
  const draw = () => {
    size.value = s.tile_px;
    const about = bench.about();
    const warnings = s.set ? [] : s.warnings(s.open);
    note.hidden = !warnings.length;
    note.replaceChildren(...warnings.flatMap((warning) => [el("b", {}, warning.title), ` ${warning.text} `]));
    note.title = warnings.map((warning) => warning.text).join(" ");
    grid.setAttribute("aria-label", s.set ? "Tiles inside the lasso" : `Tiles of ${s.title(s.open)}`);
    drawViews(about);
    grid.style.setProperty("--ts", `${fitting().px}px`);
    if (!about && !s.set) {
      grid.replaceChildren(el("p", { class: "wait" }, "Reading the tiles…"));
      delete grid.dataset.of;
      delete grid.dataset.ready;
      return;
    }
    grid.replaceChildren(...sections(about).filter(Boolean));
    grid.dataset.of = s.set ? "set" : s.open;
    grid.dataset.ready = grid.querySelectorAll(".gt").length;
    mark();
    drawAlike();
  };
  const drawAlike = () => {
    const near = s.set ? [] : s.nearest(s.open).slice(0, 4);
    alike.hidden = !near.length;
    alike.replaceChildren(
      el("h2", {}, "Most alike ", el("span", {}, "share of nearest tiles that lie there")),
      el("div", { class: "arow" }, near.map(([id, share]) =>
        el("button", { type: "button", class: "acard", title: "Compare", onclick: () => bench.compare([s.open, id]) },
          el("span", { class: "sr" }, "Compare with "), el("span", { class: "three" }, s.rows.get(id).tiles.map((t) => el("img", { src: `t/${t}`, alt: "", width: 46, height: 46 }))),
          el("span", { class: "an" }, bench.swatch(id), el("b", { dir: "auto" }, s.title(id)), el("i", {}, `${Math.round(100 * share)} %`))))),
    ); // prettier-ignore
  };
  const mark = () => {
    for (const box of grid.querySelectorAll(".gt")) {
      const id = Number(box.dataset.tile);
      box.classList.toggle("cur", id === s.cursor);
      box.classList.toggle("sel", s.tiles.has(id));
      box.setAttribute("aria-selected", String(s.tiles.has(id)));
    }
    const here = grid.querySelector(".gt.cur");
    if (here) grid.setAttribute("aria-activedescendant", here.id);
    else grid.removeAttribute("aria-activedescendant");
    drawFoot();
  };
  const drawFoot = () => {
    const n = s.tiles.size;
    foot.hidden = !n;
    const button = (cls, label, act, letter) => el("button", { type: "button", class: `btn ${cls}`, onclick: act }, letter ? el("kbd", {}, letter) : "", label);
    foot.replaceChildren(
      el("b", {}, `${plural(n, "tile")} chosen`), el("span", { class: "grow" }), button("out", "Take out", () => bench.takeOut(), "Del"),
      button("move", "Move to…", () => bench.askMove()), button("similar", "Similar tiles", () => bench.findSimilar([...s.tiles][0])),
      el("button", { type: "button", class: "btn", "aria-label": "Choose none", onclick: () => (s.tiles.clear(), mark()) }, "✕"),
    ); // prettier-ignore
  };

  // ---- all tiles, page by page
  const more = async () => {
    if (s.view !== "all" || s.set || (total && pages.length >= total)) return;
    const mine = ++asked;
    const of = s.open;
    const found = await bench.members(of, s.order, pages.length);
    if (mine !== asked || of !== s.open || s.view !== "all" || !found) return;
    total = found.n;
    const fresh = found.tiles;
    const box = [...grid.querySelectorAll(".gsec")].at(-1)?.querySelector(".grid");
    pages = [...pages, ...fresh];
    if (box && pages.length > fresh.length) {
      box.append(...fresh.map(tile));
      grid.dataset.ready = grid.querySelectorAll(".gt").length;
    } else draw();
  };
  const restart = () => {
    pages = [];
    total = 0;
    asked++;
    grid.scrollTop = 0;
    if (s.view === "all") more();
  };
  const show = (view) => {
    s.view = view;
    s.similar = null;
    restart();
    draw();
  };
  grid.addEventListener("scroll", () => grid.scrollTop + grid.clientHeight > grid.scrollHeight - 400 && more(), { passive: true });
  order.addEventListener("change", () => {
    s.order = order.value;
    restart();
  });
  size.addEventListener("input", () => resize(Number(size.value)));
  const resize = (px) => {
    s.sized = true;
    s.tile_px = Math.max(LEAST_PX, Math.min(MOST_PX, px));
    draw();
  };

  // ---- mouse
  const shown = () => [...grid.querySelectorAll(".gt")].map((box) => Number(box.dataset.tile));
  const range = (from, to) => {
    const ids = shown();
    const [a, b] = [ids.indexOf(from), ids.indexOf(to)].sort((x, y) => x - y);
    for (const id of ids.slice(Math.max(a, 0), b + 1)) s.tiles.add(id);
  };
  const go = (id) => {
    s.cursor = id;
    mark();
    grid.querySelector(".gt.cur")?.scrollIntoView({ block: "nearest" });
    bench.marked(id);
  };
  const toggle = (id) => (s.tiles.has(id) ? s.tiles.delete(id) : s.tiles.add(id));
  grid.addEventListener("click", (event) => {
    const id = Number(event.target.closest("[data-tile]")?.dataset.tile ?? -1);
    if (id < 0) return;
    if (event.shiftKey && s.cursor >= 0) range(s.cursor, id);
    else if (event.ctrlKey || event.metaKey) toggle(id);
    go(id);
  });
  grid.addEventListener("dblclick", (event) => {
    const id = Number(event.target.closest("[data-tile]")?.dataset.tile ?? -1);
    if (id >= 0) bench.large(id);
  });
  grid.addEventListener("pointerover", (event) => {
    clearTimeout(hovering);
    tip.hidden = true;
    const box = event.target.closest?.("[data-tile]");
    if (!box || event.pointerType === "touch") return;
    hovering = setTimeout(() => {
      const image = el("img", { src: `t/${box.dataset.tile}`, alt: "" });
      if (!box.isConnected || box.querySelector("img").naturalWidth <= box.clientWidth) return; // it is that large already
      tip.replaceChildren(image);
      const [at, around] = [box.getBoundingClientRect(), element.getBoundingClientRect()];
      const side = box.querySelector("img").naturalWidth + 10;
      tip.style.left = `${Math.max(4, Math.min(at.left - around.left + at.width / 2 - side / 2, around.width - side - 4))}px`;
      tip.style.top = `${at.top - around.top > side ? at.top - around.top - side - 4 : at.bottom - around.top + 4}px`;
      tip.hidden = false;
    }, HOVER_MS);
  });
  grid.addEventListener("pointerleave", () => {
    clearTimeout(hovering);
    tip.hidden = true;
  });

  // ---- keys while the gallery has the focus
  grid.addEventListener("keydown", (event) => {
    const ids = shown();
    const at = ids.indexOf(s.cursor);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: fitting().n, ArrowUp: -fitting().n }[event.key];
    if (step) {
      const next = ids[Math.max(0, Math.min(ids.length - 1, at < 0 ? 0 : at + step))];
      if (event.shiftKey && at >= 0) range(s.cursor, next);
      if (next !== undefined) go(next);
    } else if (event.key === " " && at >= 0) {
      toggle(s.cursor);
      mark();
    } else if (event.key === "Enter" && at >= 0) bench.large(s.cursor);
    else if (event.key === "Delete" && s.tiles.size) bench.takeOut();
    else if (event.key === "Escape") {
      s.tiles.clear();
      s.cursor = -1;
      mark();
      bench.rest();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const enter = () => {
    grid.focus();
    const first = shown()[0];
    if (first !== undefined && s.cursor < 0) go(first);
  };
  const cycle = () => {
    const names = Object.keys(VIEWS);
    show(names[(names.indexOf(s.view) + 1) % names.length]);
  };
  const neighbour = (by) => {
    const ids = shown();
    const next = ids[ids.indexOf(s.cursor) + by];
    if (next !== undefined) go(next);
    return next;
  };
  return { element, grid, draw, mark, show, restart, resize, enter, cycle, neighbour, drawAlike };
}
