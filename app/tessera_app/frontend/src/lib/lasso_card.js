// What a lasso holds, said at once: how many tiles, of which clusters or names, and some of them to look at.
import { button, make } from "./dom.js";

const PARTS = 5;
const TILES = 12;

// Shares of groups among tiles, the largest first: [{label, colour, n}].
export function partsOf(tiles, groupOf) {
  const counts = new Map();
  for (const tile of tiles) {
    const { label, colour } = groupOf(tile);
    const known = counts.get(label);
    if (known) known.n++;
    else counts.set(label, { label, colour, n: 1 });
  }
  return [...counts.values()].sort((a, b) => b.n - a.n);
}

export function lassoCard({ release, source, open }) {
  const card = make("div", "ts-lasso-card");
  card.setAttribute("role", "status");
  const title = make("b");
  const head = make("header");
  head.append(title, button("Let go", "Let the lasso go (Esc)", release));
  const list = make("div");
  const tiles = make("div", "tiles");
  card.append(head, list, tiles);
  card.style.display = "none";
  for (const kind of ["pointerdown", "wheel"]) card.addEventListener(kind, (event) => event.stopPropagation());
  return {
    element: card,
    hide: () => (card.style.display = "none"),
    show(found, parts) {
      card.style.display = "";
      title.textContent = found.length === 1 ? "1 tile" : `${found.length.toLocaleString("en")} tiles`;
      const line = ({ label, colour, n }) => {
        const row = make("div", "part");
        const dot = make("i");
        dot.style.background = colour;
        const words = make("span", "", label);
        words.title = label;
        row.append(dot, words, make("span", "n", `${Math.round((100 * n) / found.length)} %`));
        row.lastChild.style.flex = "none";
        return row;
      };
      list.replaceChildren(...parts.slice(0, PARTS).map(line));
      if (parts.length > PARTS) list.append(make("div", "", `and ${parts.length - PARTS} more`));
      const step = Math.max(1, found.length / TILES);
      const shown = Array.from({ length: Math.min(TILES, found.length) }, (_, k) => found[Math.floor(k * step)]);
      tiles.replaceChildren(
        ...shown.map((tile) => {
          const image = make("img");
          image.alt = `tile ${tile}`;
          image.onclick = () => open(tile);
          source.address(tile).then((address) => (image.src = address));
          return image;
        }),
      );
    },
  };
}
