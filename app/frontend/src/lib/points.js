// The file of the map: uint32 n | float32 x[n] | float32 y[n] | int32 cluster[n], little endian.
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
  return {
    n,
    x: new Float32Array(buffer, 4, n),
    y: new Float32Array(buffer, 4 + 4 * n, n),
    cluster: new Int32Array(buffer, 4 + 8 * n, n),
  };
}
