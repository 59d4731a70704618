// ---- drawing -----------------------------------------------------------------------------------

// Rows of the rotation: right, up, towards the eye.
function rotation(yaw, pitch) {
  const [ca, sa, ce, se] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  return [[ca, 0, -sa], [-se * sa, ce, -se * ca], [ce * sa, se, ce * ca]];
}

class Pane {
  constructor(canvas) {
    this.canvas = canvas;
    const gl = this.gl = canvas.getContext("webgl", { preserveDrawingBuffer: true });
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

  // Colours are those of the kinds 1, 2 and 3.
  load(kinds, colours) {
    const faces = facesOf(kinds), numbers = new Float32Array(faces.length * 36);
    let at = 0;
    for (const { corners, light, kind } of faces) {
      for (const k of [0, 1, 2, 0, 2, 3]) {
        numbers.set(corners[k], at);
        numbers.set(colours[kind - 1].map((part) => part * light / 255), at + 3);
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

// ---- the viewer --------------------------------------------------------------------------------

const START = { yaw: LOOK.azimuth * Math.PI / 180, pitch: LOOK.elevation * Math.PI / 180, zoom: 1 };

function startViewer(root) {
  const wish = new URLSearchParams(location.hash.slice(1));
  const state = { item: Number(wish.get("case") || 0), views: data.views.length - 1,
                  threshold: data.thresholds.indexOf(data.threshold), ...START, fit: 1 };
  if (!data.cases[state.item]) state.item = 0;
  for (const [name, known] of [["views", data.views], ["threshold", data.thresholds]]) {
    const place = known.indexOf(Number(wish.get(name)));
    if (place >= 0) state[name] = place;
  }

  const find = (name) => root.querySelector(`[data-role="${name}"]`);
  const canvases = [...root.querySelectorAll("canvas")];
  const pixels = Math.round(420 * Math.min(window.devicePixelRatio || 1, 2));
  for (const canvas of canvases) canvas.width = canvas.height = pixels;
  const able = Boolean(document.createElement("canvas").getContext("webgl"));
  const panes = able ? canvases.map((canvas) => new Pane(canvas)) : [];
  page.dataset.renderer = able ? "webgl" : "none";
  find("still").hidden = able;
  root.querySelector(".panes").hidden = !able;

  const grids = new Map();
  const grid = (text) => {
    if (!grids.has(text)) grids.set(text, unpack(text));
    return grids.get(text);
  };

  const prediction = () =>
    cut(grid(data.cases[state.item].predictions[state.views]), state.threshold);

  function draw() {
    const rows = rotation(state.yaw, state.pitch);
    for (const pane of panes) pane.draw(rows, state.zoom * state.fit);
    page.dataset.zoom = (state.zoom * state.fit).toFixed(5);
    page.dataset.yaw = state.yaw.toFixed(4);
    page.dataset.pitch = state.pitch.toFixed(4);
  }

  function load() {
    const truth = grid(data.cases[state.item].truth), predicted = prediction();
    const kinds = truth.map((value, k) => (value ? (predicted[k] ? 1 : 2) : (predicted[k] ? 3 : 0)));
    const score = compare(predicted, truth);
    state.fit = fittingZoom(kinds);
    const shown = [[truth, [LOOK.truth]], [predicted, [LOOK.prediction]],
                   [kinds, [LOOK.truth, LOOK.missed, LOOK.extra]]];
    panes.forEach((pane, k) => pane.load(...shown[k]));
    find("mesh").disabled = !predicted.includes(1);
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
    Object.assign(state, START);
    draw();
  });
  find("mesh").addEventListener("click", () => {
    const { category, rank } = data.cases[state.item], link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([meshOf(prediction())], { type: "model/obj" }));
    link.download = `${category}_${rank}.obj`.replace(/[^\p{L}\p{N}._-]+/gu, "_");
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
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
