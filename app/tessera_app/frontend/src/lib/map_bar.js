// The row above the map: what colours the points, moving or drawing a lasso, labels, the whole map.
import { button, make } from "./dom.js";

const LABELS = [["names", "Names"], ["pictures", "Pictures"], ["none", "No labels"]]; // prettier-ignore

function choice(words, title, options, onchange) {
  const label = make("label", "", words);
  const select = make("select");
  select.setAttribute("aria-label", title);
  select.title = title;
  for (const [value, text] of options) select.append(Object.assign(make("option", "", text), { value }));
  select.onchange = () => onchange(select.value);
  label.append(select);
  return { label, select };
}

export function mapBar({ setMode, setLabels, setColour, whole }) {
  const bar = make("div", "ts-map-bar");
  const colour = choice("Colour by", "What colours the points", [], setColour);
  const labels = choice("", "Labels on the map", LABELS, setLabels);
  const move = button("Move", "Drag to move the map, the wheel zooms", () => setMode("move"));
  const lasso = button("Lasso", "Draw around tiles: what they are, and themselves (key L)", () => setMode("lasso"));
  lasso.classList.add("ts-map-lasso");
  const group = make("div", "group");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "What dragging does");
  group.append(move, lasso);
  bar.append(colour.label, labels.label, group, button("Whole map", "Show all points (key 0)", whole));
  return {
    element: bar,
    showMode(mode) {
      move.setAttribute("aria-pressed", mode === "move");
      lasso.setAttribute("aria-pressed", mode === "lasso");
    },
    showLabels: (value) => (labels.select.value = value),
    offer(options, chosen) {
      colour.select.replaceChildren(...options.map(([value, text]) => Object.assign(make("option", "", text), { value })));
      colour.select.value = chosen;
      colour.label.style.display = options.length ? "" : "none";
    },
  };
}
