// Two to four clusters side by side: one tissue or two?
import { el, key, percent, plural, swatch } from "./el.js";
import { short } from "./head.js";

const OVERLAP = 0.15;
const TOUCH = 0.08;

export function comparison(bench) {
  const { s } = bench;
  const element = el("div", { class: "comparison", hidden: true });
  const button = (label, act, letter, primary) => el("button", { type: "button", class: `btn${primary ? " primary" : ""}`, onclick: act }, letter ? key(letter) : "", label);

  const shared = ([a, b]) => {
    const there = s.nearest(a).find(([id]) => id === b)?.[1] ?? 0;
    const back = s.nearest(b).find(([id]) => id === a)?.[1] ?? 0;
    return Math.max(there, back);
  };
  const column = (id, about) => {
    const sources = about?.sources?.slide ?? [];
    const row = (title, tiles) =>
      el("div", { class: "gsec", role: "group", "aria-label": title }, el("div", { class: "gh", "aria-hidden": "true" }, title),
        el("div", { class: "grid" }, tiles.map(([tile]) => el("div", { class: "gt", role: "option", "aria-selected": "false", "aria-label": `tile ${tile}` }, el("img", { src: `t/${tile}`, alt: "" }))))); // prettier-ignore
    return el("div", { role: "group", "aria-label": s.title(id), class: "column" },
      el("div", { class: "ch" },
        el("h2", {}, swatch(s.paint(id)), el("span", { dir: "auto", class: "t" }, s.title(id)), s.warnings(id).map((w) => el("span", { class: "tag w", title: w.text }, w.kind)), el("em", {}, plural(s.size(id), "tile"))),
        el("div", { class: "facts" }, sources.slice(0, 3).map(([name, , share]) => el("span", { title: name }, short(name, sources.map(([other]) => other)), " ", el("b", {}, percent(share)))))),
      el("div", { class: "gal", tabindex: "0", role: "listbox", "aria-label": `Tiles of ${s.title(id)}` }, about ? [row("Typical", about.typical.slice(0, 8)), row("Edge", about.edge.slice(0, 8))] : "Reading the tiles…")); // prettier-ignore
  };
  const draw = async () => {
    const ids = s.compare;
    element.hidden = !ids;
    if (!ids) return element.replaceChildren();
    const abouts = await Promise.all(ids.map((id) => bench.fetchGallery(id)));
    if (s.compare !== ids) return;
    const share = shared(ids);
    const say = share >= OVERLAP ? "They overlap." : share >= TOUCH ? "They touch." : "They are well apart.";
    const numbers = ids.map((id) => s.title(id));
    element.replaceChildren(
      el("div", { class: "verdict" }, el("h2", {}, `${numbers.slice(0, -1).join(", ")} or ${numbers.at(-1)}: one tissue or ${ids.length === 2 ? "two" : "several"}?`),
        ids.length === 2 ? el("p", {}, say, " ", el("span", { class: "muted" }, `${Math.round(100 * share)} % of the nearest tiles lie on the other side.`)) : "",
        el("div", { class: "row wrap" }, button("Merge into one", () => bench.mergeCompared(), "M", true), button("Keep apart", () => bench.keepApart(), "K"),
          ids.length < 4 ? button("Add another…", () => bench.addToComparison()) : "", el("span", { class: "grow" }), button("Back", () => bench.endCompare(), "Esc"))),
      el("div", { class: "cmp", style: `--cols:${ids.length}` }, ids.map((id, i) => column(id, abouts[i]))),
    ); // prettier-ignore
    element.dataset.ready = ids.length;
  };
  return { element, draw };
}
