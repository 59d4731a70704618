// ---- from a file to pixels ---------------------------------------------------------------------

const MOST_PIXELS = 16e6;  // what every browser's canvas takes; more are reduced while decoding

// Returns { width, height, data } of a picture, turned as its EXIF data say, its colours as stored.
async function pixelsOf(blob) {
  const bitmap = await createImageBitmap(blob, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
  const shrink = Math.max(1, Math.sqrt(bitmap.width * bitmap.height / MOST_PIXELS));
  const width = Math.max(1, Math.floor(bitmap.width / shrink));
  const height = Math.max(1, Math.floor(bitmap.height / shrink));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(bitmap, 0, 0, width, height);
  let { data } = pen.getImageData(0, 0, width, height);
  // Such a canvas keeps colours multiplied by their opacity, which costs bits of faint ones.
  if (shrink === 1 && !opaque(data)) data = exactPixels(bitmap) || data;
  bitmap.close();
  return { width, height, data };
}

// The pixels by way of a texture, which keeps them as they are; null where there is no WebGL.
function exactPixels(bitmap) {
  const gl = document.createElement("canvas").getContext("webgl");
  if (!gl || Math.max(bitmap.width, bitmap.height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return null;
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, gl.getParameter(gl.TEXTURE_BINDING_2D), 0);
  const data = new Uint8Array(bitmap.width * bitmap.height * 4);
  gl.readPixels(0, 0, bitmap.width, bitmap.height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return data;
}
