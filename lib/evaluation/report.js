"use strict";

// ---- state that the page shows to the outside --------------------------------------------------

const page = document.documentElement;
page.dataset.errors = "0";
window.addEventListener("error", (event) => {
  page.dataset.errors = String(Number(page.dataset.errors) + 1);
  page.dataset.lastError = event.message;
});

const data = JSON.parse(document.getElementById("data").textContent);
const N = data.size;

// ---- grids -------------------------------------------------------------------------------------

// A grid arrives as base64 of (value, run) pairs; index = (x * N + y) * N + z.
function unpack(text) {
  const bytes = atob(text), grid = new Uint8Array(N * N * N);
  let at = 0;
  for (let k = 0; k < bytes.length; k += 2) {
    const run = bytes.charCodeAt(k + 1);
    grid.fill(bytes.charCodeAt(k), at, at + run);
    at += run;
  }
  return grid;
}

// A voxel's level is the number of thresholds below its probability.
function cut(levels, threshold) {
  return levels.map((level) => (level > threshold ? 1 : 0));
}

function compare(predicted, truth) {
  let hit = 0, extra = 0, missed = 0;
  for (let k = 0; k < truth.length; k++) {
    if (predicted[k]) { if (truth[k]) hit++; else extra++; }
    else if (truth[k]) missed++;
  }
  const union = hit + extra + missed;
  return { hit, extra, missed, iou: union ? hit / union : 1 };
}

// The largest zoom at which no occupied voxel leaves the picture, however the grid is turned.
function fittingZoom(grid) {
  let reach = 0;
  for (let k = 0; k < grid.length; k++) {
    if (!grid[k]) continue;
    const cell = [Math.floor(k / (N * N)), Math.floor(k / N) % N, k % N];
    const away = cell.map((value) => Math.abs(value + 0.5 - N / 2) + 0.5);
    reach = Math.max(reach, Math.hypot(...away));
  }
  return reach ? Math.min(2.5, N * 0.84 / reach) : 1;
}

// ---- from voxels to faces ----------------------------------------------------------------------

const COLOURS = { truth: [146, 152, 162], prediction: [74, 126, 209],
                  missed: [240, 173, 60], extra: [214, 69, 80] };

// Six directions: axis, sign, and the two axes along the face.
const SIDES = [[0, 1], [0, -1], [1, 1], [1, -1], [2, 1], [2, -1]].map(([axis, sign]) => {
  const across = [0, 1, 2].filter((other) => other !== axis);
  return { axis, sign, u: across[0], v: across[1] };
});
const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]];

// Returns faces of the cells with kind[k] > 0 that border on an empty cell: corners (in cells,
// centred), side number, light of each corner (darker in folds), colour, cell.
function facesOf(kind, palette) {
  const full = (c) => c[0] >= 0 && c[1] >= 0 && c[2] >= 0 && c[0] < N && c[1] < N && c[2] < N &&
    kind[(c[0] * N + c[1]) * N + c[2]] > 0;
  const faces = [];
  for (let x = 0; x < N; x++) for (let y = 0; y < N; y++) for (let z = 0; z < N; z++) {
    const value = kind[(x * N + y) * N + z];
    if (!value) continue;
    SIDES.forEach((side, number) => {
      const ahead = [x, y, z];
      ahead[side.axis] += side.sign;
      if (full(ahead)) return;
      const corners = [], light = [];
      for (const [a, b] of CORNERS) {
        const p = [x, y, z];
        p[side.axis] += side.sign > 0 ? 1 : 0;
        p[side.u] += a;
        p[side.v] += b;
        corners.push(p.map((value) => value - N / 2));
        const beside = (du, dv) => {
          const c = ahead.slice();
          c[side.u] += du;
          c[side.v] += dv;
          return full(c) ? 1 : 0;
        };
        const su = a ? 1 : -1, sv = b ? 1 : -1;
        const one = beside(su, 0), two = beside(0, sv);
        light.push(1 - 0.14 * (one && two ? 3 : one + two + beside(su, sv)));
      }
      faces.push({ corners, side: number, light, colour: palette[value], cell: [x, y, z] });
    });
  }
  return faces;
}

// ---- drawing: WebGL, or a plain canvas where there is none -------------------------------------

const SUN = [0.35, 1, -0.15];

// Rows of the rotation: right, up, towards the eye.
function rotation(yaw, pitch) {
  const [ca, sa, ce, se] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  return [[ca, 0, -sa], [-se * sa, ce, -se * ca], [ce * sa, se, ce * ca]];
}

function brightness(side) {
  const { axis, sign } = SIDES[side];
  return 0.62 + 0.38 * (0.5 + 0.5 * sign * SUN[axis]);
}

class GLPane {
  static make(canvas) {
    const gl = canvas.getContext("webgl", { antialias: true, preserveDrawingBuffer: true });
    return gl ? new GLPane(canvas, gl) : null;
  }

  constructor(canvas, gl) {
    this.canvas = canvas;
    this.gl = gl;
    const program = gl.createProgram();
    const shaders = [
      [gl.VERTEX_SHADER, `attribute vec3 place, tint; uniform mat3 turn; uniform float scale;
        varying vec3 colour;
        void main() { vec3 p = turn * place; colour = tint;
                      gl_Position = vec4(p.xy * scale, -p.z * ${(0.384 / N).toFixed(6)}, 1.0); }`],
      [gl.FRAGMENT_SHADER, `precision mediump float; varying vec3 colour;
        void main() { gl_FragColor = vec4(colour, 1.0); }`],
    ];
    for (const [kind, source] of shaders) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) {
        throw new Error(gl.getShaderInfoLog(shader));
      }
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      throw new Error(gl.getProgramInfoLog(program));
    }
    gl.useProgram(program);
    gl.enable(gl.DEPTH_TEST);
    gl.clearColor(1, 1, 1, 1);
    this.turn = gl.getUniformLocation(program, "turn");
    this.scale = gl.getUniformLocation(program, "scale");
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    ["place", "tint"].forEach((name, k) => {
      const at = gl.getAttribLocation(program, name);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, 3, gl.FLOAT, false, 24, 12 * k);
    });
    this.count = 0;
  }

  load(faces) {
    const numbers = new Float32Array(faces.length * 36);
    let at = 0;
    for (const face of faces) {
      const light = brightness(face.side) / 255;
      // The quad is split along the diagonal that keeps the shading even.
      const flip = face.light[0] + face.light[2] < face.light[1] + face.light[3];
      for (const k of flip ? [1, 2, 3, 1, 3, 0] : [0, 1, 2, 0, 2, 3]) {
        numbers.set(face.corners[k], at);
        numbers.set(face.colour.map((part) => part * light * face.light[k]), at + 3);
        at += 6;
      }
    }
    this.gl.bufferData(this.gl.ARRAY_BUFFER, numbers, this.gl.STATIC_DRAW);
    this.count = faces.length * 6;
  }

  draw(rows, zoom) {
    const gl = this.gl;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    // Column-major, so the rows of the rotation are its columns transposed.
    gl.uniformMatrix3fv(this.turn, false, [0, 1, 2].flatMap((c) => rows.map((row) => row[c])));
    gl.uniform1f(this.scale, zoom * 2 / (N * 1.72));
    gl.drawArrays(gl.TRIANGLES, 0, this.count);
  }
}

class CanvasPane {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.faces = [];
  }

  load(faces) { this.faces = faces; }

  draw(rows, zoom) {
    const { pen, canvas } = this, half = canvas.width / 2, scale = zoom * canvas.width / (N * 1.72);
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    const eye = rows[2], signs = eye.map((part) => (part >= 0 ? 1 : -1));
    const shown = this.faces.filter(({ side }) => eye[SIDES[side].axis] * SIDES[side].sign > 0);
    // Without perspective, this order of cells never draws a farther one over a nearer one.
    const key = ({ cell }) => ((signs[0] * cell[0] + N) * 4 * N + signs[1] * cell[1] + N) * 4 * N +
      signs[2] * cell[2];
    shown.sort((a, b) => key(a) - key(b));
    for (const { corners, side, light, colour } of shown) {
      const mean = brightness(side) * (light[0] + light[1] + light[2] + light[3]) / 4;
      const fill = `rgb(${colour.map((part) => Math.round(part * mean)).join(",")})`;
      pen.fillStyle = pen.strokeStyle = fill;
      pen.beginPath();
      for (const p of corners) {
        const dot = (row) => row[0] * p[0] + row[1] * p[1] + row[2] * p[2];
        pen.lineTo(half + dot(rows[0]) * scale, half - dot(rows[1]) * scale);
      }
      pen.closePath();
      pen.fill();
      pen.stroke();
    }
  }
}

// ---- the viewer --------------------------------------------------------------------------------

function startViewer(root) {
  const wish = new URLSearchParams(location.hash.slice(1));
  const state = { item: Number(wish.get("case") || 0), views: data.views.length - 1,
                  threshold: data.thresholds.indexOf(data.threshold),
                  yaw: 35 * Math.PI / 180, pitch: 24 * Math.PI / 180, zoom: 1, fit: 1 };
  if (!data.cases[state.item]) state.item = 0;
  for (const [name, known] of [["views", data.views], ["threshold", data.thresholds]]) {
    const place = known.indexOf(Number(wish.get(name)));
    if (place >= 0) state[name] = place;
  }

  const canvases = [...root.querySelectorAll("canvas")];
  const pixels = Math.round(420 * Math.min(window.devicePixelRatio || 1, 2));
  for (const canvas of canvases) canvas.width = canvas.height = pixels;
  const plain = wish.get("renderer") === "canvas";
  let panes = plain ? [null] : canvases.map((canvas) => GLPane.make(canvas));
  page.dataset.renderer = panes.includes(null) ? "canvas" : "webgl";
  if (panes.includes(null)) {
    // A canvas that has given WebGL cannot give 2-D; take fresh ones.
    panes = canvases.map((canvas, k) => {
      canvases[k] = canvas.cloneNode();
      canvas.replaceWith(canvases[k]);
      return new CanvasPane(canvases[k]);
    });
  }

  const find = (name) => root.querySelector(`[data-role="${name}"]`);
  const grids = new Map();
  const grid = (text) => {
    if (!grids.has(text)) grids.set(text, unpack(text));
    return grids.get(text);
  };

  function draw() {
    const rows = rotation(state.yaw, state.pitch);
    for (const pane of panes) pane.draw(rows, state.zoom * state.fit);
    page.dataset.zoom = (state.zoom * state.fit).toFixed(5);
    page.dataset.yaw = state.yaw.toFixed(4);
    page.dataset.pitch = state.pitch.toFixed(4);
  }

  function load() {
    const item = data.cases[state.item];
    const truth = grid(item.truth);
    const predicted = cut(grid(item.predictions[state.views]), state.threshold);
    const kinds = truth.map((value, k) => (value ? (predicted[k] ? 1 : 2) : (predicted[k] ? 3 : 0)));
    const score = compare(predicted, truth);
    state.fit = fittingZoom(kinds);
    panes[0].load(facesOf(truth, [null, COLOURS.truth]));
    panes[1].load(facesOf(predicted, [null, COLOURS.prediction]));
    panes[2].load(facesOf(kinds, [null, COLOURS.truth, COLOURS.missed, COLOURS.extra]));
    find("iou").textContent = score.iou.toFixed(4);
    find("counts").textContent =
      `${score.hit} agreed, ${score.extra} false, ${score.missed} missed`;
    find("level").textContent = data.thresholds[state.threshold].toFixed(2);
    find("object").value = String(state.item);
    find("threshold").value = String(state.threshold);
    root.querySelectorAll("[data-views]").forEach((button) =>
      button.setAttribute("aria-pressed", String(Number(button.dataset.views) === state.views)));
    showPictures();
    draw();
  }

  function showPictures() {
    const strip = find("pictures"), used = data.views[state.views];
    const sources = [...document.querySelectorAll(`[data-case="${state.item}"] [data-view]`)];
    strip.replaceChildren(...sources.map((source, k) => {
      const picture = source.cloneNode();
      picture.className = k < used ? "used" : "";
      return picture;
    }));
  }

  data.cases.forEach((item, k) => {
    const label = `${item.category}, ${item.rank} (IoU ${item.iou.toFixed(3)})`;
    find("object").add(new Option(label, String(k)));
  });
  function choose(name, value) {
    state[name] = Number(value);
    load();
  }
  find("object").addEventListener("change", (event) => choose("item", event.target.value));
  find("threshold").max = String(data.thresholds.length - 1);
  find("threshold").addEventListener("input", (event) => choose("threshold", event.target.value));
  root.querySelectorAll("[data-views]").forEach((button) =>
    button.addEventListener("click", () => choose("views", button.dataset.views)));
  find("reset").addEventListener("click", () => {
    Object.assign(state, { yaw: 35 * Math.PI / 180, pitch: 24 * Math.PI / 180, zoom: 1 });
    draw();
  });
  document.querySelectorAll("[data-show]").forEach((button) =>
    button.addEventListener("click", () => {
      choose("item", button.dataset.show);
      root.scrollIntoView();
    }));

  function turn(dx, dy) {
    state.yaw -= dx;
    state.pitch = Math.max(-1.5, Math.min(1.5, state.pitch + dy));
    draw();
  }
  const keys = { ArrowLeft: [-0.12, 0], ArrowRight: [0.12, 0],
                 ArrowUp: [0, 0.12], ArrowDown: [0, -0.12] };
  for (const canvas of canvases) {
    let last = null;
    canvas.addEventListener("pointerdown", (event) => {
      last = [event.clientX, event.clientY];
      if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      turn((event.clientX - last[0]) / 110, (event.clientY - last[1]) / 110);
      last = [event.clientX, event.clientY];
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => { last = null; });
    }
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "+" || event.key === "-") {
        state.zoom = Math.max(0.5, Math.min(3, state.zoom * (event.key === "+" ? 1.15 : 1 / 1.15)));
        draw();
      } else if (keys[event.key]) {
        turn(...keys[event.key]);
        event.preventDefault();
      }
    });
  }
  load();
  if (wish.has("case")) root.scrollIntoView({ behavior: "instant" });
}

const viewer = document.getElementById("viewer");
if (viewer && data.cases.length) startViewer(viewer);
page.dataset.ready = "true";
