// Thinning by density that keeps what is rare. A point's level is the coarsest grid in which it is the first of its colour in
// its cell, rare colours asked first: drawing the levels up to the grid whose cells are as small as a point leaves out only
// points that others of nearly the same colour would cover. Points are sorted by parcel of the map, fine levels first, so that
// what is in sight at a zoom is a few runs of one buffer, and rare points lie on top.
import { shuffled } from "./points.js";

export const FIRST_LEVEL = 5; // 32 cells a side
export const LAST_LEVEL = 12; // 4096 cells a side
const LEVELS = LAST_LEVEL - FIRST_LEVEL + 2; // the last one holds all others
const SIDE = 32; // parcels a side
const CROWD = 0.75; // of a point's diameter that a cell may measure
const REACH = 1; // the map goes from -1 to 1

const cellOf = (v, cells) => Math.max(0, Math.min(cells - 1, Math.floor(((v + REACH) / (2 * REACH)) * cells)));

// Numbers of the points that have a place, those of rare codes first, each code in random order.
function rareFirst({ x, y, n }, code, nCodes) {
  const counts = new Uint32Array(nCodes + 1);
  for (let i = 0; i < n; i++) counts[code[i]]++;
  const start = new Uint32Array(nCodes + 1);
  let at = 0;
  for (const c of [...counts.keys()].sort((a, b) => counts[a] - counts[b])) {
    start[c] = at;
    at += counts[c];
  }
  const order = new Uint32Array(n);
  for (const i of shuffled(n)) order[start[code[i]]++] = i;
  let kept = 0;
  for (let k = 0; k < n; k++) {
    const i = order[k];
    if (Math.abs(x[i]) <= 2 * REACH && Math.abs(y[i]) <= 2 * REACH) order[kept++] = i; // false for NaN
  }
  return order.subarray(0, kept);
}

// Row and column of each point of the order in the finest grid, in one number; coarser grids are shifts of it.
function finest({ x, y }, order) {
  const cells = 2 ** LAST_LEVEL;
  const found = new Uint32Array(order.length);
  for (let k = 0; k < order.length; k++) found[k] = (cellOf(y[order[k]], cells) << LAST_LEVEL) | cellOf(x[order[k]], cells);
  return found;
}
const MASK = 2 ** LAST_LEVEL - 1;
const coarser = (cell, shift) => ((cell >>> (LAST_LEVEL + shift)) << (LAST_LEVEL - shift)) | ((cell & MASK) >>> shift);

// The level of each point of the order.
function levelsOf(cells, bits) {
  const level = new Uint8Array(cells.length).fill(LEVELS - 1);
  const taken = new Uint8Array(4 ** LAST_LEVEL); // a bit for each of eight groups of codes
  let waiting = new Uint32Array(cells.length);
  for (let k = 0; k < cells.length; k++) waiting[k] = k;
  const found = new Uint32Array(cells.length);
  let nFound = 0;
  for (let step = 0; step < LEVELS - 1 && waiting.length; step++) {
    const shift = LAST_LEVEL - FIRST_LEVEL - step;
    taken.fill(0, 0, 4 ** (FIRST_LEVEL + step));
    for (let k = 0; k < nFound; k++) taken[coarser(cells[found[k]], shift)] |= bits[found[k]];
    let left = 0;
    for (let k = 0; k < waiting.length; k++) {
      const i = waiting[k];
      const at = coarser(cells[i], shift);
      if (taken[at] & bits[i]) waiting[left++] = i;
      else {
        taken[at] |= bits[i];
        level[i] = step;
        found[nFound++] = i;
      }
    }
    waiting = waiting.subarray(0, left);
  }
  return level;
}

// `code` is a small number for every point, 0 to nCodes - 1. Returns what `runs`, `nearest` and the drawing need: numbers of the
// points as they are drawn, the level of each, and where each level of each parcel begins.
export function sorted(points, code, nCodes) {
  const byRarity = rareFirst(points, code, nCodes);
  const cells = finest(points, byRarity);
  const bits = new Uint8Array(cells.length);
  for (let k = 0; k < cells.length; k++) bits[k] = 1 << (code[byRarity[k]] & 7);
  const levels = levelsOf(cells, bits);
  const shift = LAST_LEVEL - Math.log2(SIDE);
  const key = (k) => coarser(cells[k], shift) * LEVELS + (LEVELS - 1 - levels[k]);
  const start = new Uint32Array(SIDE * SIDE * LEVELS + 1);
  for (let k = 0; k < cells.length; k++) start[key(k) + 1]++;
  for (let k = 1; k < start.length; k++) start[k] += start[k - 1];
  const next = start.slice();
  const order = new Uint32Array(cells.length);
  const level = new Uint8Array(cells.length);
  for (let k = cells.length - 1; k >= 0; k--) {
    const at = next[key(k)]++; // what is rare comes last
    order[at] = byRarity[k];
    level[at] = levels[k];
  }
  return { order, start, level };
}

// The finest level to draw: that whose cells are about as large as a point.
export function levelFor(pxPerUnit, diameterPx) {
  const cells = (2 * REACH * pxPerUnit) / (CROWD * diameterPx);
  return Math.max(0, Math.min(LEVELS - 1, Math.ceil(Math.log2(Math.max(cells, 1))) - FIRST_LEVEL));
}

// Runs [from, to) of the order for an area {left, right, bottom, top} and a level; runs that touch are one.
export function runs({ start }, area, level) {
  const [left, right] = [cellOf(area.left, SIDE), cellOf(area.right, SIDE)];
  const [bottom, top] = [cellOf(area.bottom, SIDE), cellOf(area.top, SIDE)];
  const found = [];
  for (let row = bottom; row <= top; row++)
    for (let column = left; column <= right; column++) {
      const parcel = (row * SIDE + column) * LEVELS;
      const [from, to] = [start[parcel + LEVELS - 1 - level], start[parcel + LEVELS]];
      if (from === to) continue;
      if (found.length && found.at(-1)[1] === from) found.at(-1)[1] = to;
      else found.push([from, to]);
    }
  return found;
}

export const total = (found) => found.reduce((sum, [from, to]) => sum + to - from, 0);

// The level that is drawn of an area: the fitting one, or a coarser one where it would be more than `most` points.
export function fittingRuns(index, area, level, most) {
  for (let tried = level; ; tried--) {
    const found = runs(index, area, tried);
    if (tried === 0 || total(found) <= most) return { level: tried, runs: found, shown: total(found) };
  }
}

// Number of the drawn point that is nearest to a place, at most `reach` away; -1 = none.
export function nearest({ order, start }, { x, y }, place, reach, level) {
  const area = { left: place[0] - reach, right: place[0] + reach, bottom: place[1] - reach, top: place[1] + reach };
  let [best, least] = [-1, reach * reach];
  for (const [from, to] of runs({ start }, area, level))
    for (let k = from; k < to; k++) {
      const i = order[k];
      const away = (x[i] - place[0]) ** 2 + (y[i] - place[1]) ** 2;
      if (away <= least) [best, least] = [i, away];
    }
  return best;
}

// Places in the order of the points of each cluster: `of(id)` gives those of one. Made once for all clusters.
export function members({ order }, cluster) {
  const ids = new Map(); // ids may be sparse: parts of split clusters begin at a million
  const rank = new Int32Array(order.length);
  for (let k = 0; k < order.length; k++) {
    const id = cluster[order[k]];
    let known = ids.get(id);
    if (known === undefined) ids.set(id, (known = ids.size));
    rank[k] = known;
  }
  const start = new Uint32Array(ids.size + 1);
  for (let k = 0; k < order.length; k++) start[rank[k] + 1]++;
  for (let k = 1; k < start.length; k++) start[k] += start[k - 1];
  const next = start.slice();
  const places = new Uint32Array(order.length);
  for (let k = 0; k < order.length; k++) places[next[rank[k]]++] = k;
  return { of: (id) => (ids.has(id) ? places.subarray(start[ids.get(id)], start[ids.get(id) + 1]) : places.subarray(0, 0)) };
}
