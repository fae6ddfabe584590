// What stands around a slide: scale bar, magnification, position of the cursor.
const OBJECTIVE_MPP = 10; // um per pixel at 1x: 40x scans have 0.25
export const OBJECTIVES = [1.25, 2.5, 5, 10, 20, 40];

export const length = (um) =>
  um >= 1000 ? `${round(um / 1000)} mm` : um >= 1 || um === 0 ? `${round(um)} µm` : `${round(um * 1000)} nm`;
const round = (value) => Number(value.toPrecision(3)).toString();

// The longest 1, 2 or 5 times a power of ten that takes at most `most` screen pixels.
export function scaleBar(umPerPixel, most) {
  const limit = umPerPixel * most;
  const power = 10 ** Math.floor(Math.log10(limit));
  const um = [5, 2, 1].map((step) => step * power).find((value) => value <= limit * 1.000001);
  return { um, pixels: um / umPerPixel };
}

export const magnification = (umPerPixel) => OBJECTIVE_MPP / umPerPixel;
export const pixelSize = (objective) => OBJECTIVE_MPP / objective;

export const times = (value) => `${value >= 10 ? Math.round(value) : Number(value.toPrecision(2))}×`;
export const micrometres = (um) => `${Math.round(um).toLocaleString("en")} µm`;
