"""Renderings and views varied as a user's own pictures are.

3D-R2N2's augmentation, in `views`, keeps what all renderings share: camera, light, clean pixels and the
place of the object. A network that is to work on photographs sees this variation on top of it. The
ranges are a choice, not a measurement; docs/training.rst says what they did to the scores.
"""

from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

EXTENTS = 0.5, 0.95  # the longer side of an object as a share of the rendering
SHIFT = 0.05  # the object's middle strays this far from its usual place, as a share of the side
# `pictures.frame` gives all pictures of an object this size (it takes 0.69 of the view, which is cut
# out of the rendering) and this place, so far below the middle.
FRAME, BELOW = (0.62, 0.66), 0.02
FRAMED_SHIFT = 0.005
GAINS = 0.75, 1.25  # of all colours
CAST = 0.06  # red, green and blue differ by as much
GAMMAS = 0.75, 1.35
NOISES = 0.0, 8.0  # deviation, of 255
BLURS = 0.2, 0.9  # radius in pixels
QUALITIES = 35, 95  # of JPEG
FRAMED = 0.3  # how often all views of an object are framed alike; below, how often to one view
REFRAMED, GREY, LIT, BLURRED, NOISY, COMPRESSED = 0.5, 0.2, 0.5, 0.2, 0.3, 0.3


def varied_rendering(rendering: np.ndarray, rng: np.random.Generator, framed: bool = False) -> np.ndarray:
    """Return a rendering (side, side, 4) of uint8 with another place, size, light or no colours.

    ``framed`` says whether it gets the place and size that users' pictures get.
    """
    if framed:
        rendering = reframed(rendering, rng, FRAME, FRAMED_SHIFT)
    elif rng.random() < REFRAMED:
        rendering = reframed(rendering, rng)
    if rng.random() < GREY:
        grey = np.asarray(Image.fromarray(rendering[..., :3]).convert("L"))
        rendering = np.dstack([grey, grey, grey, rendering[..., 3]])
    return relit(rendering, rng) if rng.random() < LIT else rendering


def relit(rendering: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a rendering in brighter, darker or coloured light; alpha stays."""
    light = rng.uniform(*GAINS) * rng.uniform(1 - CAST, 1 + CAST, 3)
    curve = 255 * (np.arange(256) / 255) ** rng.uniform(*GAMMAS)
    table = np.clip(curve[:, None] * light, 0, 255).astype(np.uint8)
    planes = [table[rendering[..., channel], channel] for channel in range(3)]
    return np.dstack([*planes, rendering[..., 3]])


def reframed(
    rendering: np.ndarray,
    rng: np.random.Generator,
    extents: tuple[float, float] = EXTENTS,
    shift: float = SHIFT,
) -> np.ndarray:
    """Return a rendering whose object has another size and place; an empty one as it is."""
    # Colours are weighted by alpha while resizing, so that no background bleeds in.
    image = Image.fromarray(rendering, "RGBA").convert("RGBa")
    box = image.getchannel("a").getbbox()
    if box is None:
        return rendering
    side = len(rendering)
    width, height = box[2] - box[0], box[3] - box[1]
    scale = rng.uniform(*extents) * side / max(width, height)
    width, height = (max(1, round(length * scale)) for length in (width, height))
    across, down = rng.uniform(-shift, shift, 2) * side
    corner = round((side - width) / 2 + across), round((side - height) / 2 + down + BELOW * side)
    canvas = Image.new("RGBa", image.size)
    canvas.paste(image.resize((width, height), Image.Resampling.BILINEAR, box), corner)
    return np.asarray(canvas.convert("RGBA"))


def varied_view(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a view (3, size, size) of uint8 with a camera's blur, noise and compression."""
    image = Image.fromarray(np.ascontiguousarray(view.transpose(1, 2, 0)))
    if rng.random() < BLURRED:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(*BLURS)))
    if rng.random() < NOISY:
        deviation, pixels = rng.uniform(*NOISES), np.asarray(image)
        noise = deviation * rng.standard_normal(pixels.shape, np.float32)
        image = Image.fromarray(np.clip(pixels + noise + 0.5, 0, 255).astype(np.uint8))
    if rng.random() < COMPRESSED:
        stream = BytesIO()
        image.save(stream, "JPEG", quality=int(rng.integers(*QUALITIES)))
        image = Image.open(stream)
    return np.asarray(image).transpose(2, 0, 1)
