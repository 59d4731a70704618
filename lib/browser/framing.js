// ---- from a picture to a view ------------------------------------------------------------------

// The same steps as lib/data/pictures.py, whose numbers `FRAMING` holds: alpha where there is any,
// else a plain background is removed, else the middle square is taken as it is.
const FRAMING = data.framing;
const count = (values, is) => values.reduce((sum, value) => sum + is(value), 0);

// Returns { view, cut }: float32 planes of red, green, blue in [0, 1], and how it was cut out.
function viewOf(picture, size) {
  const small = thumbnail(picture, FRAMING.workingSide);
  let { colour, alpha } = planesOf(small), cut = "alpha";
  const { width, height } = small, most = greatest(alpha);
  if (most > 0 && most <= 0.5) alpha = alpha.map((value) => value / most);  // a faint object, such as glass
  if (least(alpha) > 0.5 || onlyCornersCut(alpha, width, height)) {
    colour = filled(colour, alpha, width, height);
    alpha = plainBackground(colour, width, height);
    cut = "plain background";
  }
  if (!alpha) return { view: asItIs(colour, width, height, size), cut: "not cut out" };
  alpha = withoutSpecks(alpha, width, height);
  if (!alpha.some((value) => value > 0.5)) {
    throw new Error("shows no object, only background; take another picture");
  }
  return { view: frame(colour, alpha, width, height, size), cut };
}

function planesOf({ width, height, data }) {
  const planes = [0, 1, 2, 3].map((band) => {
    const plane = new Float32Array(width * height);
    for (let k = 0; k < plane.length; k++) plane[k] = data[4 * k + band] / 255;
    return plane;
  });
  return { colour: planes.slice(0, 3), alpha: planes[3] };
}

const greatest = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);

// Whether alpha does no more than round the corners, as in a window's screenshot.
function onlyCornersCut(alpha, width, height) {
  const open = (k) => alpha[k] > 0.5;
  const solid = (length, place) => {
    for (let k = Math.floor(length / 5); k < length - Math.floor(length / 5); k++) {
      if (!open(place(k))) return false;
    }
    return true;
  };
  return count(alpha, (value) => value <= 0.5) / alpha.length < FRAMING.corners &&
    solid(width, (k) => k) && solid(width, (k) => (height - 1) * width + k) &&
    solid(height, (k) => k * width) && solid(height, (k) => k * width + width - 1);
}

// Colours with the nearest known one where there is none.
function filled(colour, alpha, width, height) {
  if (!alpha.some((value) => value <= 0.5)) return colour;
  const known = [];
  for (let k = 0; k < alpha.length; k++) if (alpha[k] > 0.5) known.push(k);
  const source = nearest(known, width, height);
  return colour.map((plane) => Float32Array.from(plane, (_, k) => plane[source[k]]));
}

// For each pixel the nearest of some pixels, by rings that grow from row to row.
function nearest(known, width, height) {
  const above = new Int32Array(width * height).fill(-1), found = new Int32Array(width * height);
  const rows = (k) => Math.floor(k / width);
  const columns = Array.from({ length: width }, () => []);
  for (const k of known) columns[k % width].push(rows(k));
  columns.forEach((column, x) => {  // the nearest one in the same column
    for (let y = 0, at = 0; y < height && column.length; y++) {
      while (at + 1 < column.length && Math.abs(column[at + 1] - y) < Math.abs(column[at] - y)) at++;
      above[y * width + x] = column[at] * width + x;
    }
  });
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    let best = Infinity;
    for (let away = 0; away * away < best && away < width; away++) {
      for (const u of away ? [x - away, x + away] : [x]) {
        const k = u < 0 || u >= width ? -1 : above[y * width + u];
        if (k < 0) continue;
        const distance = away ** 2 + (rows(k) - y) ** 2;
        if (distance < best) [best, found[y * width + x]] = [distance, k];
      }
    }
  }
  return found;
}

// ---- a plain background --------------------------------------------------------------------------

// Opacity of each pixel: how far it strays from a surface of colour, quadratic in the position, that
// is fitted to the border of the picture. Null where the border is not plain.
function plainBackground(colour, width, height) {
  const terms = termsOf(width, height), border = borderOf(width, height);
  const { fit, noise, share } = robustFit(terms, colour, border);
  if (noise > FRAMING.plainNoise || share < FRAMING.plainShare) return null;
  const low = Math.max(0.04, 4 * noise);
  return Float64Array.from(colour[0], (_, k) =>
    Math.max(0, Math.min(1, (strayOf(terms, colour, fit, k) - low) / 0.06)));
}

function termsOf(width, height) {
  const place = (k, length) => (length > 1 ? k * (2 / (length - 1)) - 1 : -1);
  return (k) => {
    const x = place(k % width, width), y = place(Math.floor(k / width), height);
    return [1, x, y, x * x, x * y, y * y];
  };
}

function borderOf(width, height) {
  const depth = Math.max(1, roundEven(0.02 * Math.min(height, width))), border = [];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    const inner = y >= depth && y < height - depth && x >= depth && x < width - depth;
    if (!inner) border.push(y * width + x);
  }
  return border;
}

function strayOf(terms, colour, fit, k) {
  const [, x, y, xx, xy, yy] = terms(k);
  let most = 0;
  for (let band = 0; band < 3; band++) {
    const c = fit[band], value = c[0] + c[1] * x + c[2] * y + c[3] * xx + c[4] * xy + c[5] * yy;
    most = Math.max(most, Math.abs(colour[band][k] - value));
  }
  return most;
}

// It starts from the commonest colour, so that an object across the border is left out, and then
// takes in all that fits: a few rounds of trimmed least squares.
function robustFit(terms, colour, border) {
  const start = colour.map((plane) => quantile(border.map((k) => plane[k]), 0.5));
  const near = border.map((k) =>
    Math.max(...colour.map((plane, band) => Math.abs(Math.fround(plane[k] - start[band])))));
  const reach = Math.max(quantile(near, FRAMING.plainShare), 0.02);
  let inside = border.filter((_, k) => near[k] <= reach), fit, noise;
  for (let round = 0; round < 5; round++) {
    fit = leastSquares(inside.map(terms), colour.map((plane) => inside.map((k) => plane[k])));
    const strays = new Map(border.map((k) => [k, strayOf(terms, colour, fit, k)]));
    noise = 1.48 * quantile(inside.map((k) => strays.get(k)), 0.5);
    inside = border.filter((k) => strays.get(k) <= Math.max(3 * noise, 0.02));
  }
  return { fit, noise, share: inside.length / border.length };
}

function quantile(values, share) {
  const sorted = Float64Array.from(values).sort(), place = share * (sorted.length - 1);
  const below = Math.floor(place), above = Math.ceil(place);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

// Coefficients of the terms (n, 6) for each band, by the normal equations. What a row of pixels
// leaves open gets a coefficient near 0.
function leastSquares(rows, bands) {
  const size = rows[0].length, at = [...Array(size).keys()];
  const matrix = at.map((i) => at.map((j) => rows.reduce((sum, row) => sum + row[i] * row[j], 0)));
  const sides = bands.map((values) =>
    at.map((i) => rows.reduce((sum, row, k) => sum + row[i] * values[k], 0)));
  at.forEach((i) => { matrix[i][i] += 1e-9 * rows.length; });
  const lower = at.map(() => Array(size).fill(0));  // Cholesky's factor
  for (const i of at) for (let j = 0; j <= i; j++) {
    let value = matrix[i][j];
    for (let k = 0; k < j; k++) value -= lower[i][k] * lower[j][k];
    lower[i][j] = i === j ? Math.sqrt(value) : value / lower[j][j];
  }
  return sides.map((side) => {
    const half = [], result = Array(size).fill(0);
    for (const i of at) {
      half[i] = (side[i] - half.reduce((sum, value, k) => sum + lower[i][k] * value, 0)) / lower[i][i];
    }
    for (const i of at.slice().reverse()) {
      let value = half[i];
      for (let k = i + 1; k < size; k++) value -= lower[k][i] * result[k];
      result[i] = value / lower[i][i];
    }
    return result;
  });
}

// ---- framing -------------------------------------------------------------------------------------

// Clears what is small beside the largest piece: dust, sensor noise, compression.
function withoutSpecks(alpha, width, height) {
  const piece = new Int32Array(alpha.length).fill(-1), sizes = [];
  for (let start = 0; start < alpha.length; start++) {
    if (alpha[start] <= 0 || piece[start] >= 0) continue;
    const pending = [start], number = sizes.push(0) - 1;
    piece[start] = number;
    while (pending.length) {
      const k = pending.pop(), x = k % width, y = Math.floor(k / width);
      sizes[number] += alpha[k];
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const beside = v * width + u;
          if (alpha[beside] <= 0 || piece[beside] >= 0) continue;
          piece[beside] = number;
          pending.push(beside);
        }
      }
    }
  }
  const kept = sizes.map((size) => size >= 0.02 * greatest(sizes));
  return alpha.map((value, k) => (kept[piece[k]] ? value : 0));
}

// Puts an object on grey, as large and where the training views show theirs.
function frame(colour, alpha, width, height, size) {
  const box = boundsOf(alpha, width, height);
  const scale = FRAMING.extent * size / Math.max(box.height, box.width);
  const high = Math.max(1, roundEven(box.height * scale));
  const wide = Math.max(1, roundEven(box.width * scale));
  const shown = (value) => {
    const part = new Float32Array(box.height * box.width);
    for (let y = 0; y < box.height; y++) for (let x = 0; x < box.width; x++) {
      part[y * box.width + x] = value((box.top + y) * width + box.left + x);
    }
    return resizePlane(part, box.height, box.width, high, wide);
  };
  // Colours are weighted by opacity while resizing, so that no background bleeds in.
  const opacity = shown((k) => alpha[k]);
  const top = Math.floor((size - high) / 2) + roundEven(FRAMING.below * size / FRAMING.size);
  const left = Math.floor((size - wide) / 2);
  const view = new Float32Array(3 * size * size).fill(FRAMING.background);
  colour.forEach((plane, band) => {
    const weighted = shown((k) => plane[k] * alpha[k]);
    for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) {
      const k = y * wide + x, value = weighted[k] + (1 - opacity[k]) * FRAMING.background;
      view[(band * size + top + y) * size + left + x] = Math.max(0, Math.min(1, value));
    }
  });
  return view;
}

function boundsOf(alpha, width, height) {
  let [top, bottom, left, right] = [height, 0, width, 0];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    if (alpha[y * width + x] <= 0.5) continue;
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
    [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
  }
  return { top, left, height: bottom - top, width: right - left };
}

function asItIs(colour, width, height, size) {
  const side = Math.min(height, width), view = new Float32Array(3 * size * size);
  const top = Math.floor((height - side) / 2), left = Math.floor((width - side) / 2);
  colour.forEach((plane, band) => {
    const square = Float32Array.from({ length: side * side },
      (_, k) => plane[(top + Math.floor(k / side)) * width + left + k % side]);
    view.set(resizePlane(square, side, side, size, size), band * size * size);
  });
  return view;
}
