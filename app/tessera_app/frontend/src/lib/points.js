// The file of the map: uint32 n | float32 x[n] | float32 y[n] | int32 cluster[n], little endian.
const AWAY = 99; // tiles that have no place on the map go where nobody looks

export async function readPoints(url, data) {
  let buffer;
  if (url) {
    const response = await fetch(url, { credentials: "same-origin" });
    if (!response.ok) throw new Error(`points: ${response.status}`);
    buffer = await response.arrayBuffer();
  } else {
    buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  }
  const n = new Uint32Array(buffer, 0, 1)[0];
  const x = new Float32Array(buffer, 4, n);
  for (let i = 0; i < n; i++) if (Number.isNaN(x[i])) x[i] = AWAY;
  return {
    n,
    x,
    y: new Float32Array(buffer, 4 + 4 * n, n),
    cluster: new Int32Array(buffer, 4 + 8 * n, n),
  };
}

// Every point once, in an order that is drawn, and the same for the same number of points.
export function shuffled(n) {
  const turn = Uint32Array.from({ length: n }, (_, i) => i);
  let state = 1;
  for (let i = n - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [turn[i], turn[j]] = [turn[j], turn[i]];
  }
  return turn;
}

// At most `most` points of an area, as evenly as chance has it; those of cluster `own` come first, up to half of all. Returns
// their numbers, and the share that is there of the area's other points.
export function thinned({ x, y, n, cluster, turn }, area, most, own) {
  const within = (i) => Math.abs(x[i] - area.x) <= area.half_x && Math.abs(y[i] - area.y) <= area.half_y;
  const shown = new Uint32Array(most);
  let count = 0;
  if (own >= 0) for (let at = 0; at < n && count < most / 2; at++) if (cluster[turn[at]] === own && within(turn[at])) shown[count++] = turn[at];
  let at = 0;
  for (; at < n && count < most; at++) if (cluster[turn[at]] !== own && within(turn[at])) shown[count++] = turn[at];
  return { shown: shown.subarray(0, count), rate: Math.max(at, 1) / Math.max(n, 1) };
}
