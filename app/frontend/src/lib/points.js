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
