"""How video.* were made, with PyAV 18.1 (FFmpeg, x264, x265): five frames of 64 x 48 at 25 a second; python make_video.py FOLDER."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

_X264 = {"profile": "high", "level": "4.1", "x264-params": "log-level=none"}

# File, container, encoder, pixel format, width and height, options of the encoder.
_FILES: tuple[tuple[str, str, str, str, tuple[int, int], dict[str, str]], ...] = (
    ("video.m2v", "mpeg2video", "mpeg2video", "yuv420p", (64, 48), {}),
    ("video.mpg", "vob", "mpeg2video", "yuv420p", (64, 48), {}),
    ("video.h264", "h264", "libx264", "yuv420p", (64, 48), _X264),
    ("video_fields.h264", "h264", "libx264", "yuv420p", (64, 48), {**_X264, "x264-params": "cqm=jvt:interlaced=1:log-level=none"}),
    ("video_h264.ts", "mpegts", "libx264", "yuv420p", (64, 48), _X264),
    ("video_h264.mp4", "mp4", "libx264", "yuv420p", (64, 48), _X264),
    ("video_level42.mp4", "mp4", "libx264", "yuv420p", (50, 38), {**_X264, "level": "4.2"}),
    ("video.hevc", "hevc", "libx265", "yuv420p", (64, 48), {"x265-params": "level-idc=4.1:log-level=none"}),
    ("video_hevc10.mp4", "mp4", "libx265", "yuv420p10le", (64, 48), {"x265-params": "level-idc=5.1:temporal-layers=3:log-level=none"}),
)


def make(av: Any, path: Path, container: str, encoder: str, pixels: str, size: tuple[int, int], options: dict[str, str]) -> None:
    """Write one file."""
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(encoder, rate=25, options=options)
        (stream.width, stream.height), stream.pix_fmt, stream.time_base = size, pixels, Fraction(1, 25)
        for number in range(5):
            picture = np.zeros((size[1], size[0], 3), np.uint8)
            picture[:, :, 0] = np.arange(size[0]) * 4
            picture[number * 5 : number * 5 + 8, :, 1] = 200
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


if __name__ == "__main__":
    import av  # type: ignore[import-not-found]

    for name, *settings in _FILES:
        make(av, Path(sys.argv[1]) / name, *settings)
