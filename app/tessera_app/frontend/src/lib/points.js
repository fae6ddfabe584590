// The file of the map: uint32 n | float32 x[n] | float32 y[n] | int32 cluster[n], little endian; NaN = no place on the map.
// The file of values to colour by: uint32 n | int32 code[n], -1 = not known.
async function bytes(url, data, what) {
  if (!url) return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength); // aligned
  const response = await fetch(url, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`${what}: ${response.status}`);
  return response.arrayBuffer();
}

export async function readPoints(url, data) {
  const buffer = await bytes(url, data, "points");
  const n = new Uint32Array(buffer, 0, 1)[0];
  return {
    n,
    x: new Float32Array(buffer, 4, n),
    y: new Float32Array(buffer, 4 + 4 * n, n),
    cluster: new Int32Array(buffer, 4 + 8 * n, n),
  };
}

export async function readCodes(url, data) {
  const buffer = await bytes(url, data, "values");
  return new Int32Array(buffer, 4, new Uint32Array(buffer, 0, 1)[0]);
}

// Every number below n once, in an order that is drawn, and the same for the same n.
export function shuffled(n) {
  const turn = new Uint32Array(n);
  for (let i = 0; i < n; i++) turn[i] = i;
  let state = 1;
  for (let i = n - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    const held = turn[i];
    turn[i] = turn[j];
    turn[j] = held;
  }
  return turn;
}
