"""`python -m benchmarks.evidence [--photos 40]`: 12-megapixel JPEGs sanitised per second, beside the limit.

The limit is the least that any program must do to keep a reduced photo: decode at half scale and encode, in the same
run, by the same libraries, in as many processes. The rest is what safety costs: the jail, the pipe, turn, bend, median,
fingerprint.
"""

from __future__ import annotations

import argparse
import io
import os
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import cv2
import numpy as np
from PIL import Image, JpegImagePlugin

from counterfoil.evidence import sanitise
from counterfoil.evidence.picture import encode
from counterfoil.sandbox import Sandbox

WIDTH, HEIGHT = 4000, 3000


def photo() -> bytes:
    """A 12-megapixel JPEG as a phone makes it: paper, figures, noise; about 4 MB."""
    draw = np.random.default_rng(12)
    page = np.full((HEIGHT, WIDTH), 220, np.uint8)
    for row in range(70):
        text = "".join(str(digit) for digit in draw.integers(0, 10, 70))
        cv2.putText(page, text, (150, 100 + row * 41), cv2.FONT_HERSHEY_SIMPLEX, 1.4, 60, 3)
    noise = draw.normal(0, 5, (HEIGHT, WIDTH, 3))
    image = np.clip(page[:, :, None] * (1.0, 0.98, 0.93) + noise, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=92)
    return out.getvalue()


def least(data: bytes) -> int:
    """Half-scale decode and encode: the limit."""
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    image.draft("RGB", (WIDTH // 2, HEIGHT // 2))
    return len(encode(np.asarray(image, np.uint8)))


def limit_per_s(data: bytes, photos: int, workers: int) -> float:
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(least, [data] * workers))
        started = time.perf_counter()
        list(pool.map(least, [data] * photos))
        return photos / (time.perf_counter() - started)


def sanitised_per_s(data: bytes, photos: int, workers: int) -> float:
    with Sandbox(workers, waiting=photos) as sandbox, ThreadPoolExecutor(workers) as threads:

        def one(_: int) -> int:
            return len(sanitise(data, sandbox, random=os.urandom))

        list(threads.map(one, range(workers)))
        started = time.perf_counter()
        list(threads.map(one, range(photos)))
        return photos / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=__doc__)
    parser.add_argument("--photos", type=int, default=40)
    photos = parser.parse_args().photos
    data = photo()
    print(f"{len(os.sched_getaffinity(0))} cores, JPEG of {len(data) / 1e6:.1f} MB, {photos} photos a row\n")
    print("| workers | sanitised per second | limit per second | share of the limit |")
    print("| ---: | ---: | ---: | ---: |")
    for workers in (1, 2, 4):
        limit, ours = limit_per_s(data, photos, workers), sanitised_per_s(data, photos, workers)
        print(f"| {workers} | {ours:.1f} | {limit:.1f} | {ours / limit:.2f} |", flush=True)


if __name__ == "__main__":
    main()
