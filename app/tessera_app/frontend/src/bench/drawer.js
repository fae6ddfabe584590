// One tile large, with what lies around it on its slide, in a drawer over the map.
import { scaleBar } from "../lib/furniture.js";
import { count, el, key } from "./el.js";

export function tileDrawer(bench) {
  const { s } = bench;
  const element = el("div", { class: "drawer", role: "dialog", "aria-label": "Tile", tabindex: "-1", hidden: true });
  let shown = -1;
  let wide = true;

  const close = () => {
    element.hidden = true;
    shown = -1;
    bench.gallery.grid.focus();
  };
  const bar = (um, px) => {
    if (!um) return "";
    const { um: length, pixels } = scaleBar(um / px, px * 0.3);
    return el("span", { class: "scale" }, `${length} µm`, el("i", { style: `width:${pixels}px` }));
  };
  const show = async (tile) => {
    shown = tile;
    element.hidden = false;
    const facts = await bench.tileFacts(tile);
    if (shown !== tile) return;
    const side = Math.max(element.clientWidth - 28, 100);
    const around = wide && facts.on_slide;
    const image = el("img", { src: around ? `around/${tile}` : `t/${tile}`, alt: around ? `Tile ${tile} and its surroundings` : `Tile ${tile}` });
    image.onerror = () => around && ((wide = false), show(tile)); // the slide's file is gone: the tile itself is there
    const big = el("div", { class: "big", style: `height:${side}px` }, image, around ? el("span", { class: "frame" }) : "", bar(facts.um * (around ? 3 : 1), side));
    const button = (label, act, letter) => el("button", { type: "button", class: "btn", onclick: act }, letter ? key(letter) : "", label);
    element.replaceChildren(
      el("div", { class: "row" }, el("b", { class: "title" }, `Tile ${count(tile)}`), el("span", { class: "grow" }),
        el("button", { type: "button", class: "icon", "aria-label": "Close (Esc)", title: "Close (Esc)", onclick: close }, "✕")),
      big,
      el("div", { class: "facts wrap" }, el("b", {}, facts.slide), facts.on_slide ? el("span", {}, `x ${count(facts.place[0])}, y ${count(facts.place[1])} px`) : "",
        facts.um ? el("span", {}, `${Math.round(facts.um)} µm wide`) : "", el("span", {}, `in ${facts.cluster >= 0 ? s.title(facts.cluster) : "no cluster"}`)),
      el("div", { class: "row wrap" },
        facts.on_slide ? button("On the slide", () => bench.onSlide(tile)) : "",
        facts.on_slide ? button(around ? "Without surroundings" : "With surroundings", () => ((wide = !wide), show(tile))) : "",
        button("Similar tiles", () => bench.findSimilar(tile)), button("Take out", () => bench.takeOut([tile]), "Del"),
        facts.cluster >= 0 && facts.cluster !== s.open ? button("Open its cluster", () => bench.open(facts.cluster, "loop")) : ""),
      el("p", { class: "muted" }, "Arrows go to the next tile."),
    ); // prettier-ignore
    element.dataset.tile = tile;
    if (!element.contains(bench.active())) element.focus();
  };
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const next = bench.gallery.neighbour(event.key === "ArrowRight" ? 1 : -1);
      if (next !== undefined) show(next);
    } else if (event.key === "Delete") bench.takeOut([shown]);
    else if (event.key === "Tab") return;
    else if (event.key.length > 1) return;
    event.preventDefault();
    event.stopPropagation();
  });
  return { element, show, close: () => ((element.hidden = true), (shown = -1)), get isOpen() { return !element.hidden; } }; // prettier-ignore
}
