// Draws points with WebGL: one buffer of places, one of codes, and a small picture that says the colour and shape of each code,
// so that new colours cost nothing. Shapes: 0 dot, 1 square, 2 triangle, 3 cross.
const WIDTH = 256; // of the picture of colours

const VERTEX = `
attribute vec2 place; attribute float code;
uniform vec2 centre, scale; uniform float size, rows; uniform sampler2D look; uniform vec4 ink;
varying vec3 colour; varying float shape, width;
void main() {
  vec4 own = texture2D(look, vec2((mod(code, ${WIDTH}.0) + .5) / ${WIDTH}.0, (floor(code / ${WIDTH}.0) + .5) / rows));
  shape = floor(own.a * 255.0 + .5) - 8.0;
  colour = mix(own.rgb, ink.rgb, ink.a);
  if (ink.a > .5 && shape < 2.5) shape = 0.0;
  width = shape > 2.5 ? size * 1.25 + 1.0 : size;
  gl_Position = vec4((place - centre) * scale, 0, 1);
  gl_PointSize = width;
}`;
const FRAGMENT = `
precision mediump float;
uniform vec3 ring, hole; uniform float ringPx, hollow;
varying vec3 colour; varying float shape, width;
void main() {
  vec2 p = gl_PointCoord * 2.0 - 1.0;
  float px = 2.0 / width, away;
  if (shape < .5) away = length(p) - 1.0;
  else if (shape < 1.5) away = max(abs(p.x), abs(p.y)) - .86;
  else if (shape < 2.5) away = max(abs(p.x) * .9 - p.y * .5, p.y) - .62;
  else away = max(abs(abs(p.x) - abs(p.y)) - max(.2, 1.1 * px), max(abs(p.x), abs(p.y)) - 1.0);
  float solid = width < 2.5 ? step(away, .4) : 1.0 - smoothstep(-px, 0.0, away);
  if (solid < .02) discard;
  float edge = shape > 2.5 ? 0.0 : smoothstep(-(ringPx + .5) * px, -(ringPx - .5) * px, away) * step(.01, ringPx);
  vec3 inside = hollow > .5 && away < -.42 ? hole : colour;
  gl_FragColor = vec4(mix(inside, ring, edge), solid);
}`;

export function glPoints(canvas) {
  const gl = canvas.getContext("webgl", { antialias: false, premultipliedAlpha: false, alpha: true });
  if (!gl) return null;
  const program = link(gl);
  gl.useProgram(program);
  const at = Object.fromEntries(
    ["centre", "scale", "size", "rows", "ink", "ring", "ringPx", "hole", "hollow"].map((name) => [name, gl.getUniformLocation(program, name)]),
  ); // prettier-ignore
  const picture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, picture);
  for (const name of ["MIN_FILTER", "MAG_FILTER"]) gl.texParameteri(gl.TEXTURE_2D, gl[`TEXTURE_${name}`], gl.NEAREST);
  for (const name of ["WRAP_S", "WRAP_T"]) gl.texParameteri(gl.TEXTURE_2D, gl[`TEXTURE_${name}`], gl.CLAMP_TO_EDGE);
  gl.enable(gl.BLEND);
  gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  const sets = new Map();
  let rows = 1;
  const upload = (buffer, values) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
  };
  return {
    lost: () => gl.isContextLost(),
    // Points of one name: float32 x0 y0 x1 y1 ... and uint16 codes.
    put(name, places, codes) {
      const set = sets.get(name) ?? { places: gl.createBuffer(), codes: gl.createBuffer() };
      sets.set(name, { ...set, n: codes.length });
      upload(set.places, places);
      upload(set.codes, codes);
    },
    // Colours and shapes of the codes: [[red, green, blue], shape].
    paint(looks) {
      rows = Math.max(1, Math.ceil(looks.length / WIDTH));
      const pixels = new Uint8Array(WIDTH * rows * 4);
      looks.forEach(([rgb, shape], i) => pixels.set([...rgb, shape + 8], 4 * i));
      gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
      gl.bindTexture(gl.TEXTURE_2D, picture);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, WIDTH, rows, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    },
    clear(width, height) {
      gl.viewport(0, 0, width, height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
    },
    // Runs [from, to) of a set; `style`: size, ring colour and width in pixels, and ink that takes the place of all colours.
    draw(name, found, view, style) {
      const set = sets.get(name);
      if (!set?.n || !found.length) return;
      for (const [attribute, buffer, size, type] of [["place", set.places, 2, gl.FLOAT], ["code", set.codes, 1, gl.UNSIGNED_SHORT]]) {
        const slot = gl.getAttribLocation(program, attribute);
        gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
        gl.enableVertexAttribArray(slot);
        gl.vertexAttribPointer(slot, size, type, false, 0, 0);
      }
      gl.uniform2f(at.centre, ...view.centre);
      gl.uniform2f(at.scale, ...view.scale);
      gl.uniform1f(at.size, style.size);
      gl.uniform1f(at.rows, rows);
      gl.uniform4f(at.ink, ...(style.ink ?? [0, 0, 0]).map((v) => v / 255), style.ink ? 1 : 0);
      gl.uniform3f(at.ring, ...style.ring.map((v) => v / 255));
      gl.uniform1f(at.ringPx, style.ringPx);
      gl.uniform3f(at.hole, ...(style.hole ?? style.ring).map((v) => v / 255));
      gl.uniform1f(at.hollow, style.hole ? 1 : 0);
      for (const [from, to] of found) gl.drawArrays(gl.POINTS, from, to - from);
    },
    destroy() {
      gl.getExtension("WEBGL_lose_context")?.loseContext();
    },
  };
}

function link(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return program;
}
