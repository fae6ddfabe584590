// A slide for OpenSeadragon: tiles over HTTP on the dashboard; in a notebook, which has no routes, Python is asked for them
// through `pieces_wanted` (names "slide/level/column_row") and answers in `pieces` (name to data URL, empty = cannot be read).
// Without the slide's file, its overview is one image.
import OpenSeadragon from "openseadragon";

export function slideSource(model, about) {
  if (about.gone) return { type: "image", url: about.overview, buildPyramid: false };
  const source = new OpenSeadragon.TileSource({
    width: about.width, height: about.height, tileSize: about.tile_px, tileOverlap: about.overlap_px,
  });
  source.getTileUrl = (level, x, y) => `${about.url}${level}/${x}_${y}.jpg?v=${about.version}`;
  if (!about.url) {
    const ask = pieces(model);
    source.getTileUrl = (level, x, y) => `${about.id}/${level}/${x}_${y}`; // a name for OpenSeadragon's cache
    source.downloadTileStart = (job) => {
      const image = new Image();
      image.onload = () => job.finish(image, null, "image");
      image.onerror = () => job.fail("this part of the slide cannot be read", null);
      ask(`${about.id}/${job.tile.level}/${job.tile.x}_${job.tile.y}`).then((data) => (data ? (image.src = data) : image.onerror()));
    };
    source.downloadTileAbort = () => {};
  }
  return source;
}

function pieces(model) {
  const waiting = new Map();
  let n = 0; // so that asking for the same again is a change
  model.on("change:pieces", () => {
    for (const [name, data] of Object.entries(model.get("pieces") ?? {})) {
      waiting.get(name)?.(data);
      waiting.delete(name);
    }
  });
  return (name) =>
    new Promise((resolve) => {
      waiting.set(name, resolve);
      model.set("pieces_wanted", { n: ++n, names: [...waiting.keys()] });
      model.save_changes();
    });
}
