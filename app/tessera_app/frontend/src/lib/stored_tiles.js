// The tiles of the store, drawn where they lie: what is left of a slide whose file is gone.
const LEAST_PX = 32; // smaller than this, the overview shows as much
const KEPT = 800;

export function storedTiles(source, changed) {
  const images = new Map();
  const load = (tile) => {
    const image = new Image();
    images.set(tile, image);
    if (images.size > KEPT) images.delete(images.keys().next().value);
    image.onload = changed;
    source.address(tile).then((address) => (image.src = address));
    return image;
  };
  return {
    draw(context, cells, [left, top, right, bottom], boxOf) {
      const [, , side] = boxOf(top * cells.columns + left);
      if (side < LEAST_PX) return;
      context.imageSmoothingEnabled = true;
      for (let row = top; row < bottom; row++)
        for (let column = left; column < right; column++) {
          const cell = row * cells.columns + column;
          if (cells.tile[cell] < 0) continue;
          const image = images.get(cells.tile[cell]) ?? load(cells.tile[cell]);
          if (image.complete && image.naturalWidth) context.drawImage(image, ...boxOf(cell));
        }
    },
  };
}
