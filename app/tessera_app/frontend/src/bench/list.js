// The list of clusters: three whole tiles each, virtual, one stop of Tab; arrows open, Ctrl or Shift chooses several.
import { FILTERS } from "./state.js";
import { count, el, picture, plural, rove, swatch } from "./el.js";

const ROW_PX = 82;
const BEYOND = 3; // rows drawn above and below what is in sight
const ORDERS = { gain: "Most to gain", number: "By number", name: "By name", near: "Like the open one" };

export function clusterList(bench) {
  const { s } = bench;
  const find = el("input", { type: "search", class: "find", placeholder: "Find ( / )", "aria-label": "Find a cluster by name or number" });
  const sort = el("select", { class: "sort", "aria-label": "Order" }, Object.entries(ORDERS).map(([k, text]) => el("option", { value: k }, text)));
  const chips = el("div", { class: "chips", role: "group", "aria-label": "Show only" });
  const spacer = el("div", { class: "spacer", role: "presentation" });
  const list = el("div", { class: "list", role: "listbox", tabindex: "0", "aria-label": "Clusters", "aria-multiselectable": "true" }, spacer);
  const none = el("div", { class: "nothing" });
  const bar = el("div", { class: "selbar", role: "group", "aria-label": "Chosen clusters" });
  const element = el("section", { class: "pane left", "aria-label": "Clusters" },
    el("div", { class: "listhead" }, el("div", { class: "row" }, find, sort), chips), list, none, bar); // prettier-ignore
  const settle = rove(chips);
  let view = [];
  let anchor = -1;
  const made = new Map();

  const filters = () => {
    const rows = s.all();
    const tight = rows.length > 99;
    chips.classList.toggle("tight", tight);
    chips.replaceChildren(
      ...FILTERS.map((filter) => {
        const label = tight && filter === "one slide" ? "1 slide" : filter[0].toUpperCase() + filter.slice(1);
        const n = rows.filter((row) => s.fits(row, filter)).length;
        const toggle = () => {
          s.filter = s.filter === filter ? "" : filter;
          list.scrollTop = 0;
          draw();
          chips.querySelector(`[data-filter="${filter}"]`)?.focus();
        };
        return el("button", { type: "button", class: "chip", "data-filter": filter, "aria-pressed": String(s.filter === filter), onclick: toggle },
          label, el("b", {}, count(n))); // prettier-ignore
      }),
    );
    settle();
  };

  const row = (found) => {
    const { id } = found;
    const tag = el("span", {});
    const box = el("div", { class: "crow", role: "option", id: `cluster-${id}`, "data-cluster": String(id) },
      el("span", { class: "three", "aria-hidden": "true" }, found.tiles.map((tile) => picture(tile, 64))),
      el("span", { class: "txt" }, el("span", { class: "nm" }), el("span", { class: "sz" }), tag)); // prettier-ignore
    return { box, name: box.querySelector(".nm"), size: box.querySelector(".sz"), tag };
  };
  const fill = (parts, found, place) => {
    const { id } = found;
    const name = s.nameOf(id);
    const warning = s.warnings(id)[0];
    const mark = s.markOf(id);
    const tag = mark && mark !== "tissue" ? [mark === "unknown" ? "don't know" : mark, ""] : s.skipped.has(id) && !name ? ["skipped", ""] : warning ? [warning.kind, "w"] : null;
    parts.name.replaceChildren(swatch(s.paint(id)), name || `No. ${found.number}`);
    parts.name.title = name;
    parts.name.dir = "auto";
    parts.name.className = name ? "nm" : "nm un";
    parts.size.textContent = name ? `No. ${found.number} · ${count(s.size(id))}` : plural(s.size(id), "tile");
    parts.tag.className = tag ? `tag ${tag[1]}` : "";
    parts.tag.textContent = tag ? tag[0] : "";
    parts.tag.title = tag && tag[1] ? warning.text : "";
    const { box } = parts;
    box.style.top = `${place * ROW_PX}px`;
    box.classList.toggle("open", id === s.open);
    box.setAttribute("aria-selected", String(id === s.open || s.chosen.has(id)));
    box.setAttribute("aria-setsize", view.length);
    box.setAttribute("aria-posinset", place + 1);
    box.setAttribute("aria-label", [name || "no name", `number ${found.number}`, plural(s.size(id), "tile"), tag?.[0]].filter(Boolean).join(", "));
  };

  const paint = () => {
    const from = Math.max(0, Math.floor(list.scrollTop / ROW_PX) - BEYOND);
    const to = Math.min(view.length, from + Math.ceil((list.clientHeight || 600) / ROW_PX) + 2 * BEYOND);
    const wanted = new Map(view.slice(from, to).map((found, i) => [found.id, [found, from + i]]));
    for (const [id, parts] of made)
      if (!wanted.has(id) || wanted.get(id)[0] !== parts.found) {
        parts.box.remove();
        made.delete(id);
      }
    for (const [id, [found, place]] of wanted) {
      let parts = made.get(id);
      if (!parts) {
        parts = { ...row(found), found };
        made.set(id, parts);
        spacer.append(parts.box);
      }
      fill(parts, found, place);
    }
    const open = wanted.has(s.open);
    if (open) list.setAttribute("aria-activedescendant", `cluster-${s.open}`);
    else list.removeAttribute("aria-activedescendant");
  };
  const follow = () => {
    const at = view.findIndex((found) => found.id === s.open);
    const top = at * ROW_PX;
    if (at >= 0 && (top < list.scrollTop || top + ROW_PX > list.scrollTop + list.clientHeight)) list.scrollTop = Math.max(0, top - ROW_PX);
  };
  const chosenBar = () => {
    const n = s.chosen.size;
    bar.hidden = n < 2;
    const button = (label, act, hint) => el("button", { type: "button", class: "btn", onclick: act, title: hint }, label);
    bar.replaceChildren(
      el("b", {}, `${n} chosen`), el("span", { class: "grow" }),
      button("Name…", () => bench.typeName()), button("Artefact", () => bench.markArtefact()),
      button("Merge", () => bench.mergeChosen()), button("Compare", () => bench.compareChosen()),
      el("button", { type: "button", class: "btn", "aria-label": "Choose none", onclick: () => bench.chooseNone() }, "✕"),
    ); // prettier-ignore
  };
  const draw = (moved = false) => {
    view = s.listed();
    spacer.style.height = `${view.length * ROW_PX}px`;
    list.hidden = s.loaded && !view.length;
    none.hidden = !list.hidden;
    if (!none.hidden)
      none.replaceChildren(
        s.rows.size ? `No cluster fits “${s.find || s.filter}”.` : "No cluster yet.", el("br"),
        s.rows.size ? el("button", { type: "button", class: "btn", onclick: showAll }, `Show all ${count(s.all().length)}`) : "",
      ); // prettier-ignore
    filters();
    if (moved) follow();
    paint();
    chosenBar();
    element.dataset.ready = view.length;
  };
  const showAll = () => {
    s.filter = s.find = find.value = "";
    draw();
  };

  const choose = (id, ranged) => {
    if (!s.chosen.size && s.open >= 0) s.chosen.add(s.open);
    const ids = view.map((found) => found.id);
    const [a, b] = [ids.indexOf(ranged && anchor >= 0 ? anchor : id), ids.indexOf(id)].sort((x, y) => x - y);
    if (ranged) for (const other of ids.slice(a, b + 1)) s.chosen.add(other);
    else if (s.chosen.has(id)) s.chosen.delete(id);
    else s.chosen.add(id);
    bench.redraw();
  };
  list.addEventListener("click", (event) => {
    const id = Number(event.target.closest("[data-cluster]")?.dataset.cluster ?? -1);
    if (id < 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey) return choose(id, event.shiftKey);
    anchor = id;
    bench.open(id, "list");
    list.focus({ preventScroll: true });
  });
  list.addEventListener("scroll", paint, { passive: true });
  list.addEventListener("keydown", (event) => {
    if (event.key === " " && s.open >= 0) {
      event.preventDefault();
      event.stopPropagation();
      if (s.chosen.has(s.open)) s.chosen.delete(s.open);
      else s.chosen.add(s.open);
      bench.redraw();
    }
  });
  find.addEventListener("input", () => {
    s.find = find.value;
    list.scrollTop = 0;
    draw();
  });
  find.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      s.find = find.value = "";
      draw();
      bench.rest();
    } else if ((event.key === "Enter" || event.key === "ArrowDown") && view.length) {
      event.preventDefault();
      bench.open(view[0].id, "list");
      list.focus();
    } else return;
    event.stopPropagation();
  });
  sort.addEventListener("change", () => {
    s.sort = sort.value;
    list.scrollTop = 0;
    draw(true);
  });
  const step = (by, ranged = false) => {
    const at = view.findIndex((found) => found.id === s.open);
    const next = view[at < 0 ? 0 : Math.max(0, Math.min(view.length - 1, at + by))];
    if (!next) return;
    if (ranged) {
      s.chosen.add(s.open);
      s.chosen.add(next.id);
    }
    bench.open(next.id, ranged ? "keep" : "list");
  };
  const ends = (last) => view.length && bench.open(view[last ? view.length - 1 : 0].id, "list");
  return { element, list, find, draw, paint, step, ends };
}
