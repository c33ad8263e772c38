# SPDX-License-Identifier: Apache-2.0
"""What printing and scanning do to a formula's picture: resolution, blur, ink spread, skew, paper, shadows, JPEG, grain
and ink of neighbours at the edge. degrade(picture, rng) keeps the size; rng is a numpy Generator."""
import io

import numpy as np
from PIL import Image, ImageChops, ImageFilter


def ink(image, rng):
    """Thicker or thinner strokes."""
    if rng.random() < .5:
        return Image.blend(image, image.filter(ImageFilter.MinFilter(3)), float(rng.uniform(.05, .5)))
    return Image.blend(image, image.filter(ImageFilter.MaxFilter(3)), float(rng.uniform(.05, .35)))


def resolution(image, rng):
    w, h = image.size
    f = float(rng.uniform(.6, .95))
    how = [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.BOX][rng.integers(3)]
    return image.resize((max(4, round(w * f)), max(4, round(h * f))), how).resize((w, h), Image.Resampling.BICUBIC)


def paper(values, rng):
    """Paper and ink levels, a shadow's slope, grain."""
    h, w = values.shape
    white, black = rng.uniform(215, 255), rng.uniform(0, 70)
    out = black + values * ((white - black) / 255)
    if rng.random() < .3:
        slope = rng.uniform(-25, 25, 2)
        out = out + np.linspace(0, slope[0], w)[None, :] + np.linspace(0, slope[1], h)[:, None]
    if rng.random() < .6:
        out = out + rng.normal(0, rng.uniform(1, 9), values.shape)
    if rng.random() < .05:
        out[rng.random(values.shape) < .004] = black
    return out


def jpeg(image, rng):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(rng.integers(25, 92)))
    return Image.open(buffer).convert("L")


def neighbours(values, rng):
    """A bar of letters' edges at the top or bottom border."""
    h, w = values.shape
    rows = int(rng.integers(1, 3))
    at = rng.integers(0, max(1, w - 12), int(rng.integers(1, 5)))
    for x in at:
        n = int(rng.integers(2, 9))
        if rng.random() < .5:
            values[:rows, x:x + n] = rng.integers(0, 120)
        else:
            values[h - rows:, x:x + n] = rng.integers(0, 120)
    return values


def degrade(picture, rng):
    if rng.random() < .25:
        return picture
    image = Image.fromarray(picture)
    if rng.random() < .35:
        image = ink(image, rng)
    if rng.random() < .3:
        image = image.rotate(float(rng.normal(0, .5)), Image.Resampling.BICUBIC, fillcolor=255)
    if rng.random() < .3:
        image = resolution(image, rng)
    if rng.random() < .5:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(.2, .8))))
    values = np.asarray(image, np.float32)
    if rng.random() < .6:
        values = paper(values, rng)
    values = np.clip(values, 0, 255).astype(np.uint8)
    if rng.random() < .1:
        values = np.where(values < rng.integers(110, 190), 0, 255).astype(np.uint8)  # two levels, as a fax
    if rng.random() < .3:
        values = np.array(jpeg(Image.fromarray(values), rng))
    return neighbours(values, rng) if rng.random() < .06 else values
