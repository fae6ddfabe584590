// Labels on the map: where the middle of each cluster lies, and which labels fit at a zoom without lying on each other.
import { shuffled } from "./points.js";

const SAMPLE = 200_000;
const CELLS = 48; // a side, of the grid in which a cluster's thickest place is looked for
const PLACES = [[0, 0], [0, -1], [0, 1], [1, 0], [-1, 0], [1, -1], [-1, -1], [1, 1], [-1, 1], [0, -2], [0, 2]]; // eleven, in heights and half widths

// Cluster to {x, y, n, tile}: its thickest place, how many points of the sample it has, and the point nearest to that place.
export function anchors({ x, y, n, cluster }, sample = SAMPLE) {
  const turn = n > sample ? shuffled(n).subarray(0, sample) : shuffled(n);
  const cells = new Map();
  const sizes = new Map();
  for (const i of turn) {
    if (cluster[i] < 0 || !(Math.abs(x[i]) <= 2)) continue;
    const at = (Math.floor((x[i] + 2) * CELLS / 4) * CELLS + Math.floor((y[i] + 2) * CELLS / 4)) + cluster[i] * CELLS * CELLS; // prettier-ignore
    const cell = cells.get(at);
    if (cell) {
      cell.n++;
      cell.x += x[i];
      cell.y += y[i];
    } else cells.set(at, { id: cluster[i], n: 1, x: x[i], y: y[i] });
    sizes.set(cluster[i], (sizes.get(cluster[i]) ?? 0) + 1);
  }
  const best = new Map();
  for (const cell of cells.values()) if (cell.n > (best.get(cell.id)?.n ?? 0)) best.set(cell.id, cell);
  const found = new Map();
  for (const [id, cell] of best) found.set(id, { x: cell.x / cell.n, y: cell.y / cell.n, n: sizes.get(id), tile: -1, away: Infinity });
  for (const i of turn) {
    const anchor = found.get(cluster[i]);
    if (!anchor) continue;
    const away = (x[i] - anchor.x) ** 2 + (y[i] - anchor.y) ** 2;
    if (away < anchor.away) [anchor.tile, anchor.away] = [i, away];
  }
  return found;
}

// Labels [{x, y, width, height, ...}] in order of weight, each tried at its place and around it; those that fit come back with
// left and top. `width` and `height` are the room there is.
export function placed(labels, room) {
  const taken = [];
  const fits = (box) =>
    box.left >= 2 && box.top >= 2 && box.left + box.width <= room.width - 2 && box.top + box.height <= room.height - 2 &&
    taken.every((other) => box.left >= other.left + other.width + 2 || other.left >= box.left + box.width + 2 ||
      box.top >= other.top + other.height + 1 || other.top >= box.top + box.height + 1); // prettier-ignore
  for (const label of labels) {
    const places = label.fixed ? PLACES.slice(0, 3) : PLACES;
    for (const [dx, dy] of places) {
      const box = { ...label, left: label.x - label.width / 2 + (dx * label.width) / 2, top: label.y - label.height / 2 + dy * label.height };
      if (!fits(box)) continue;
      taken.push(box);
      break;
    }
  }
  return taken;
}
