"use strict";

// ---- state that the page shows to the outside --------------------------------------------------

const page = document.documentElement;
page.dataset.errors = "0";
window.addEventListener("error", (event) => {
  page.dataset.errors = String(Number(page.dataset.errors) + 1);
  page.dataset.lastError = event.message;
});

const data = JSON.parse(document.getElementById("data").textContent);
const N = data.size, LOOK = data.look;

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

// Six directions: axis, sign, and the two axes along the face.
const SIDES = [[0, 1], [0, -1], [1, 1], [1, -1], [2, 1], [2, -1]].map(([axis, sign]) => {
  const [u, v] = [0, 1, 2].filter((other) => other !== axis);
  return { axis, sign, u, v };
});
const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]];

// Returns the faces of the cells with kind[k] > 0 that border on an empty cell: corners (in cells,
// centred; counterclockwise from outside), light (less in folds), kind.
function facesOf(kind) {
  const full = (c) => Math.min(...c) >= 0 && Math.max(...c) < N &&
    kind[(c[0] * N + c[1]) * N + c[2]] > 0;
  const faces = [];
  for (let x = 0; x < N; x++) for (let y = 0; y < N; y++) for (let z = 0; z < N; z++) {
    const value = kind[(x * N + y) * N + z];
    if (!value) continue;
    for (const { axis, sign, u, v } of SIDES) {
      const ahead = [x, y, z];
      ahead[axis] += sign;
      if (full(ahead)) continue;
      let crowd = 0;
      for (let du = -1; du <= 1; du++) for (let dv = -1; dv <= 1; dv++) {
        const beside = ahead.slice();
        beside[u] += du;
        beside[v] += dv;
        crowd += full(beside);
      }
      const corners = CORNERS.map(([a, b]) => {
        const p = [x, y, z];
        p[axis] += sign > 0 ? 1 : 0;
        p[u] += a;
        p[v] += b;
        return p.map((part) => part - N / 2);
      });
      // The axes u and v turn the other way round y.
      if ((sign > 0) === (axis === 1)) corners.reverse();
      faces.push({ corners, light: LOOK.light[axis] * (1 - LOOK.fold * crowd / 8), kind: value });
    }
  }
  return faces;
}
