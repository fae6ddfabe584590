// Clusters and tiles of a slide's grid: uint32 rows and columns, then int32 clusters and int32 tiles, -1 where there is none.
export async function readCells(url, data) {
  let buffer = null;
  if (url) {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    buffer = await answer.arrayBuffer();
  } else {
    const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
    buffer = bytes.slice().buffer; // aligned
  }
  const [rows, columns] = new Uint32Array(buffer, 0, 2);
  const n = rows * columns;
  const tile = new Int32Array(buffer, 8 + 4 * n, n);
  const place = new Map();
  for (let i = 0; i < n; i++) if (tile[i] >= 0) place.set(tile[i], i);
  return { rows, columns, cluster: new Int32Array(buffer, 8, n), tile, place };
}

// One pixel a tile; clusters for which `colour` gives nothing stay clear. Returns how many tiles are painted.
export function paintCells(canvas, cells, colour) {
  canvas.width = cells.columns;
  canvas.height = cells.rows;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(cells.columns, cells.rows);
  const words = new Uint32Array(picture.data.buffer);
  const known = new Map();
  let painted = 0;
  for (let i = 0; i < words.length; i++) {
    if (cells.tile[i] < 0) continue;
    const id = cells.cluster[i];
    if (!known.has(id)) known.set(id, word(colour(id)));
    words[i] = known.get(id);
    if (words[i]) painted++;
  }
  context.putImageData(picture, 0, 0);
  return painted;
}

function word(hex) {
  if (!hex) return 0;
  const value = parseInt(hex.slice(1), 16); // #rrggbb, to the order of bytes in a picture: red, green, blue, alpha
  return (0xff000000 | ((value & 255) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
}
