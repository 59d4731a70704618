// ---- resampling, as Pillow does it -------------------------------------------------------------

// A picture is { width, height, data }, data with RGBA bytes. Sizes and weights follow Pillow's to
// the last bit of a byte, so that the network sees what tools/reconstruct.py would show it.

const FILTERS = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: (x) => {
    const a = -0.5, t = Math.abs(x);
    if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
    return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
  } },
};

// Python's round: halves go to the even neighbour.
function roundEven(value) {
  const below = Math.floor(value), rest = value - below;
  return rest === 0.5 ? below + (below & 1) : Math.round(value);
}

// For each of `size` places: the first source it takes from, and the weight of each source. The
// sources from 0 to `span`, of which there may be a part of one more, are spread over the places.
function weightsOf(length, span, size, { support, weight }) {
  const scale = span / size, stretch = Math.max(1, scale), reach = support * stretch;
  return Array.from({ length: size }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const last = Math.min(length, Math.trunc(centre + reach + 0.5));
    const weights = [];
    let total = 0;
    for (let k = first; k < last; k++) {
      weights.push(weight((k - centre + 0.5) / stretch));
      total += weights[k - first];
    }
    return { first, weights: weights.map((value) => (total ? value / total : value)) };
  });
}

// Applies weights along rows (step 1 between sources) or columns of planes that are interleaved.
function spread(source, target, lines, lineStep, sourceStep, places, targetLine, targetStep, store) {
  for (let line = 0; line < lines; line++) {
    places.forEach(({ first, weights }, place) => {
      let sum = 0, at = line * lineStep + first * sourceStep;
      for (let k = 0; k < weights.length; k++, at += sourceStep) sum += source[at] * weights[k];
      target[line * targetLine + place * targetStep] = store(sum);
    });
  }
}

// Resizes a plane of numbers (height * width) to float32.
function resizePlane(plane, height, width, newHeight, newWidth) {
  const keep = (sum) => sum;
  let current = Float32Array.from(plane);
  if (newWidth !== width) {
    const wide = new Float32Array(height * newWidth);
    const places = weightsOf(width, width, newWidth, FILTERS.bilinear);
    spread(current, wide, height, width, 1, places, newWidth, 1, keep);
    current = wide;
  }
  if (newHeight !== height) {
    const high = new Float32Array(newHeight * newWidth);
    const places = weightsOf(height, height, newHeight, FILTERS.bilinear);
    spread(current, high, newWidth, 1, newWidth, places, 1, newWidth, keep);
    current = high;
  }
  return current;
}

// Averages blocks of fx * fy pixels of four bytes; those at the far ends may be smaller.
function reduceBytes({ width, height, data }, fx, fy) {
  const wide = Math.ceil(width / fx), high = Math.ceil(height / fy);
  const small = new Uint8ClampedArray(wide * high * 4);
  for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) {
    const right = Math.min(width, (x + 1) * fx), bottom = Math.min(height, (y + 1) * fy);
    const count = (right - x * fx) * (bottom - y * fy), factor = Math.floor(2 ** 24 / count);
    for (let band = 0; band < 4; band++) {
      let sum = count >> 1;
      for (let v = y * fy; v < bottom; v++) {
        for (let u = x * fx; u < right; u++) sum += data[(v * width + u) * 4 + band];
      }
      small[(y * wide + x) * 4 + band] = Math.floor(sum * factor / 2 ** 24);
    }
  }
  return { width: wide, height: high, data: small };
}

// Resizes four bytes a pixel; spanX and spanY are how much of the picture counts.
function resizeBytes({ width, height, data }, newWidth, newHeight, spanX, spanY) {
  const bits = 2 ** 22;
  const whole = (places) => places.map(({ first, weights }) =>
    ({ first, weights: weights.map((w) => Math.trunc(w * bits + (w < 0 ? -0.5 : 0.5))) }));
  const byte = (sum) => Math.max(0, Math.min(255, Math.floor((sum + bits / 2) / bits)));
  const filter = FILTERS.bicubic;
  if (newWidth !== width || spanX !== width) {
    const places = whole(weightsOf(width, spanX, newWidth, filter));
    const wide = new Uint8ClampedArray(newWidth * height * 4);
    for (let band = 0; band < 4; band++) {
      spread(data.subarray(band), wide.subarray(band), height, width * 4, 4, places, newWidth * 4, 4, byte);
    }
    [data, width] = [wide, newWidth];
  }
  if (newHeight !== height || spanY !== height) {
    const places = whole(weightsOf(height, spanY, newHeight, filter));
    const high = new Uint8ClampedArray(width * newHeight * 4);
    for (let band = 0; band < 4; band++) {
      spread(data.subarray(band), high.subarray(band), width, 4, width * 4, places, 4, width * 4, byte);
    }
    [data, height] = [high, newHeight];
  }
  return { width, height, data };
}

function opaque(data) {
  for (let at = 3; at < data.length; at += 4) if (data[at] < 255) return false;
  return true;
}

// Colours weighted by opacity, and back.
function premultiplied({ width, height, data }) {
  if (opaque(data)) return { width, height, data };
  const result = new Uint8ClampedArray(data);
  for (let at = 0; at < data.length; at += 4) {
    for (let band = 0; band < 3; band++) {
      const product = data[at + band] * data[at + 3] + 128;
      result[at + band] = ((product >> 8) + product) >> 8;
    }
  }
  return { width, height, data: result };
}

function unmultiplied({ width, height, data }) {
  const result = new Uint8ClampedArray(data);
  for (let at = 0; at < data.length; at += 4) {
    const opacity = data[at + 3];
    if (opacity === 0 || opacity === 255) continue;
    for (let band = 0; band < 3; band++) {
      result[at + band] = Math.min(255, Math.floor(255 * data[at + band] / opacity));
    }
  }
  return { width, height, data: result };
}

// The size of a picture that fits into a square of a side, its proportions kept.
function fittingSize(width, height, side) {
  if (side >= width && side >= height) return [width, height];
  const aspect = width / height;
  const nearest = (value, off) => {
    const [below, above] = [Math.floor(value), Math.ceil(value)];
    return Math.max(off(below) <= off(above) ? below : above, 1);
  };
  return aspect <= 1
    ? [nearest(side * aspect, (n) => Math.abs(aspect - n / side)), side]
    : [side, nearest(side / aspect, (n) => (n === 0 ? 0 : Math.abs(aspect - side / n)))];
}

// Image.thumbnail: whole blocks first, so that no less than twice the size is left to the filter.
function thumbnail(picture, side) {
  const [width, height] = fittingSize(picture.width, picture.height, side);
  if (width === picture.width && height === picture.height) return picture;
  let part = premultiplied(picture), spanX = picture.width, spanY = picture.height;
  const fx = Math.trunc(spanX / width / 2) || 1, fy = Math.trunc(spanY / height / 2) || 1;
  if (fx > 1 || fy > 1) {
    part = reduceBytes(part, fx, fy);
    [spanX, spanY] = [spanX / fx, spanY / fy];
  }
  return unmultiplied(resizeBytes(part, width, height, spanX, spanY));
}
