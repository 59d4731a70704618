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

  // Shows the voxels of a grid; colours are those of the kinds 1, 2 and 3.
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
    this.show(numbers);
  }

  // Shows triangles: six numbers a corner, its place in cells and its colour.
  show(numbers) {
    this.gl.bufferData(this.gl.ARRAY_BUFFER, numbers, this.gl.STATIC_DRAW);
    this.count = numbers.length / 6;
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

// ---- turning -----------------------------------------------------------------------------------

const START = { yaw: LOOK.azimuth * Math.PI / 180, pitch: LOOK.elevation * Math.PI / 180, zoom: 1 };

// Lets a pointer and the arrow keys turn, two fingers and + and - zoom, what some canvases show.
function makeTurnable(canvases, state, draw) {
  function turn(dx, dy) {
    state.yaw -= dx;
    state.pitch = Math.max(-1.5, Math.min(1.5, state.pitch + dy));
    draw();
  }
  function zoom(factor) {
    state.zoom = Math.max(0.5, Math.min(3, state.zoom * factor));
    draw();
  }
  const keys = { ArrowLeft: [-0.12, 0], ArrowRight: [0.12, 0],
                 ArrowUp: [0, 0.12], ArrowDown: [0, -0.12] };
  for (const canvas of canvases) {
    const held = new Map();  // where each finger is
    const apart = () => Math.hypot(...[0, 1].map((k) => [...held.values()].reduce((a, b) => a[k] - b[k])));
    canvas.addEventListener("pointerdown", (event) => {
      held.set(event.pointerId, [event.clientX, event.clientY]);
      if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!held.has(event.pointerId)) return;
      const before = held.size > 1 && apart(), [x, y] = held.get(event.pointerId);
      held.set(event.pointerId, [event.clientX, event.clientY]);
      if (before) zoom(apart() / before);
      else turn((event.clientX - x) / 110, (event.clientY - y) / 110);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => { held.delete(event.pointerId); });
    }
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "+" || event.key === "-") {
        zoom(event.key === "+" ? 1.15 : 1 / 1.15);
      } else if (keys[event.key]) {
        turn(...keys[event.key]);
        event.preventDefault();
      }
    });
  }
}
