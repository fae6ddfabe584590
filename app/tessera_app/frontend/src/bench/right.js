// Map above slide; either can fill the pane. Both are components of their own that Panel puts here.
import { short } from "./head.js";
import { count, el, rove } from "./el.js";

const SLIDES = 4;
const FILL = "⤢";

export function rightPane(bench) {
  const { s, model } = bench;
  const child = (name) => {
    const found = model.get_child?.(name);
    if (found) model.view.accessed_children.push(name); // Panel 1.9 renders only children that are listed here
    return found ?? "";
  };
  const map = el("div", { class: "viewbox mapbox", tabindex: "-1" }, child("map"));
  const slide = el("div", { class: "viewbox slidebox", tabindex: "-1" }, el("div", { class: "placeholder" }, "These tiles lie on no slide that can be shown."), child("viewer"));
  const mapNote = el("div", { class: "placeholder", hidden: true });
  map.append(mapNote);
  const slides = el("div", { class: "seg slides", role: "group", "aria-label": "Slide" });
  const settle = rove(slides);
  const fill = (which) =>
    el("button", { type: "button", class: "icon s fill", title: `${which === "map" ? "Map" : "Slide"} fills the pane`, "aria-label": `${which === "map" ? "Map" : "Slide"} fills the pane`,
      onclick: () => (element.dataset.fill = element.dataset.fill === which ? "" : which) }, FILL); // prettier-ignore
  const mapView = el("div", { class: "view mapview" }, map);
  const slideView = el("div", { class: "view slideview" }, el("div", { class: "vbar" }, slides, el("span", { class: "grow" }), fill("slide")), slide);
  const tab = (which, text) =>
    el("button", { type: "button", role: "tab", "data-tab": which, "aria-selected": String(which === "map"), onclick: () => show(which) }, text);
  const tabs = el("div", { class: "tabs2", role: "tablist", "aria-label": "Map or slide" }, tab("map", "Map"), tab("slide", "Slide"));
  const element = el("section", { class: "pane right", "aria-label": "Map and slide", "data-tab": "map" }, tabs, mapView, slideView);
  rove(tabs);
  const show = (which) => {
    element.dataset.tab = which;
    for (const one of tabs.children) one.setAttribute("aria-selected", String(one.dataset.tab === which));
  };
  const draw = () => {
    const about = s.open >= 0 ? bench.about() : null;
    const parts = (about?.by_slide ?? []).slice(0, SLIDES);
    const chosen = model.get("slide");
    slides.hidden = !parts.length;
    const focused = slides.contains(bench.active()) ? bench.active().dataset.slide : null;
    slides.replaceChildren(
      ...parts.map((part) =>
        el("button", { type: "button", "data-slide": String(part.slide), "aria-pressed": String(part.slide === chosen), title: `${bench.slides.get(part.slide)}: ${count(part.n)} tiles of what is open`,
          onclick: () => (model.set("slide", part.slide), model.save_changes()) }, short(bench.slides.get(part.slide) ?? "", parts.map((other) => bench.slides.get(other.slide) ?? "")), el("i", {}, count(part.n))), // prettier-ignore
      ),
    );
    settle();
    if (focused) slides.querySelector(`[data-slide="${focused}"]`)?.focus();
    const note = model.get("note") ?? {};
    mapNote.hidden = !note.text;
    mapNote.replaceChildren(
      note.text ?? "",
      note.button ? el("button", { type: "button", class: "btn primary make-map", disabled: Boolean(note.busy), onclick: () => bench.ask({ do: "map" }) }, note.button) : "",
    );
    mapNote.style.cssText = note.over ? "inset:auto 8px 8px 8px;background:var(--surface);border-radius:6px;padding:4px" : "";
  };
  return { element, map, slide, draw, show, divide: (bar) => mapView.after(bar) };
}
