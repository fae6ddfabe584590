// What the middle shows when no cluster is open: nothing grouped yet, nothing open, every cluster named, or the tiles of a lasso.
import { count, el, key, percent, plural, swatch } from "./el.js";

export function overview(bench) {
  const { s, model } = bench;
  const element = el("div", { class: "overview", hidden: true });
  const primary = (cls, label, act, letter) => el("button", { type: "button", class: `btn primary ${cls}`, onclick: act }, label, letter ? [" ", key(letter)] : "");

  const empty = () => {
    const about = model.get("empty") ?? {};
    return el("div", { class: "hero" }, el("h2", {}, about.title ?? "Nothing has been grouped yet"), el("p", {}, about.text ?? ""),
      about.button ? primary("start", about.button, () => bench.ask({ do: "start" })) : "", about.help ? el("p", { class: "small" }, about.help) : ""); // prettier-ignore
  };
  const classes = () => {
    const by = new Map();
    for (const row of s.all()) {
      const name = s.nameOf(row.id) || (s.markOf(row.id) === "artefact" ? "artefact" : "");
      if (name) by.set(name, [...(by.get(name) ?? []), row]);
    }
    const size = (rows) => rows.reduce((sum, row) => sum + s.size(row.id), 0);
    const found = [...by].sort((a, b) => size(b[1]) - size(a[1]));
    return el("div", { class: "classes" }, el("h2", {}, "Named so far"),
      found.map(([name, rows]) => el("div", { class: "cl" }, el("span", {}, swatch(s.paint(rows[0].id)), el("b", { dir: "auto" }, name)), el("span", {}, plural(rows.length, "cluster")),
        el("span", { class: "tr", "aria-hidden": "true" }, el("i", { style: `width:${(100 * size(rows)) / Math.max(s.n_tiles, 1)}%` })), el("span", { class: "r" }, percent(size(rows) / Math.max(s.n_tiles, 1))))),
      found.length ? "" : el("p", { class: "muted" }, "No name yet."), more()); // prettier-ignore
  };
  const more = () => {
    const { selections, marks } = s.now();
    const parts = [];
    if (selections.length)
      parts.push(el("h2", {}, "Kept selections"), el("div", { class: "row wrap" }, selections.map((one) => el("button", { type: "button", class: "btn", onclick: () => bench.ask({ do: "select", decision: one.decision }) }, one.name))));
    if (Object.values(marks).includes("artefact"))
      parts.push(el("div", { class: "row" }, el("button", { type: "button", class: "btn recluster", title: "A new run on the tiles that are neither in artefacts nor taken out", onclick: () => bench.ask({ do: "recluster" }) }, "Cluster again without artefacts")));
    return parts;
  };
  const closed = () => {
    const left = s.all().filter((row) => !s.done(row.id));
    const largest = Math.max(0, ...left.map((row) => s.size(row.id)));
    const hero = left.length
      ? el("div", { class: "hero" }, el("h2", {}, "Nothing is open"), el("p", {}, `${plural(left.length, "cluster waits", "clusters wait")} for a name. The largest holds ${plural(largest, "tile")}.`),
          primary("next", "Open the next unnamed", () => bench.open(s.nextUnnamed(), "loop"), "S"))
      : el("div", { class: "hero" }, el("h2", {}, "Every cluster has a name"), el("p", {}, "Export the tile sets, or compare two clusters that you are not sure of."), primary("export", "Go to Export", () => bench.ask({ do: "page", page: "export" }))); // prettier-ignore
    return [hero, classes()];
  };
  const lasso = () => {
    const { n, mix } = s.set;
    const field = el("input", { class: "keep-name", placeholder: "Keep it under a name", "aria-label": "Name of the selection", maxlength: "80", dir: "auto" });
    const keep = () => field.value.trim() && bench.ask({ do: "keep", name: field.value });
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") keep();
      if (event.key === "Escape") bench.rest();
    });
    const button = (cls, label, act) => el("button", { type: "button", class: `btn ${cls}`, onclick: act }, label);
    return el("div", { class: "head" },
      el("div", { class: "namerow" }, el("h2", { class: "t" }, el("span", { class: "ts-lasso-count" }, count(n)), n === 1 ? " tile inside the lasso" : " tiles inside the lasso"), el("span", { class: "grow" }), button("let-go", "Let go", () => bench.letGo())),
      el("div", { class: "facts wrap" }, n ? mix.slice(0, 6).map(([id, share]) => el("span", {}, swatch(s.paint(id)), s.title(id), " ", el("b", {}, percent(share)))) : "No tile lies inside it: draw a larger one."),
      n ? el("div", { class: "row wrap" }, field, button("keep", "Keep", keep), el("span", { class: "grow" }), button("out-all", "Take all out", () => bench.ask({ do: "out", lasso: true })), button("move-all", "Move all to…", () => bench.askMove(true))) : ""); // prettier-ignore
  };
  const draw = () => {
    const none = s.loaded && !s.rows.size;
    element.hidden = !(s.set || none || (s.open < 0 && s.loaded)) || Boolean(s.compare);
    if (element.hidden) return element.replaceChildren();
    if (element.contains(bench.active()) && bench.active().tagName === "INPUT") return; // somebody is typing here
    const shown = s.set ? lasso() : none ? empty() : closed();
    element.replaceChildren(...[shown].flat());
    element.classList.toggle("whole", !s.set);
  };
  return { element, draw };
}
