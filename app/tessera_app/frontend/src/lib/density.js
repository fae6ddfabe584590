// How opaque points may be, so that where they lie thick stays darker than where they lie thin.
const CELLS = 96; // of the grid that counts points, a side
const REACH = 1; // the map's data go from -1 to 1

// Points per unit of area around a typical point: the median over points of how many share its cell.
export function typicalDensity({ x, y, n }) {
  const counts = new Uint32Array(CELLS * CELLS);
  const cell = (v) => Math.min(CELLS - 1, Math.floor(((v + REACH) / (2 * REACH)) * CELLS));
  let shown = 0;
  for (let i = 0; i < n; i++) {
    if (Math.abs(x[i]) > REACH || Math.abs(y[i]) > REACH) continue;
    counts[cell(y[i]) * CELLS + cell(x[i])]++;
    shown++;
  }
  let below = 0;
  const side = (2 * REACH) / CELLS;
  for (const count of counts.filter(Boolean).sort()) {
    below += count;
    if (below >= shown / 2) return count / side ** 2;
  }
  return 0;
}

// Opacity at which `density` points per unit of area, each `diameter_px` across, cover their ground about once and a half.
export function fitting(density, diameter_px, px_per_unit, most) {
  const over = (density * Math.PI * (diameter_px / 2) ** 2) / px_per_unit ** 2;
  return Math.max(0.03, Math.min(most, 1.5 / Math.max(over, 1e-9)));
}
