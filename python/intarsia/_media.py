# SPDX-License-Identifier: Apache-2.0
"""PIL images and NumPy arrays to and from plain bytes. PIL and NumPy are imported when the first one is needed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

_RAW_MODES = {'1': 'L'}  # one byte per pixel
_NEAREST_MODES = {'RGBX': 'RGB', 'RGBa': 'RGBA', 'La': 'LA', 'PA': 'RGBA', 'I;16L': 'I;16', 'I;16N': 'I;16'}
_OUR_MODES = frozenset({'1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'CMYK', 'YCbCr', 'HSV', 'LAB', 'I', 'F', 'I;16'})


def image_of_bytes(data: bytes) -> Image.Image | None:
    """A PIL image that decodes itself when it is used; None for a format that PIL does not read."""
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        return None


def image_of_pixels(mode: str, width: int, height: int, data: bytes, palette: bytes, alpha: bytes) -> Image.Image:
    from PIL import Image

    if mode in _RAW_MODES:
        return Image.frombytes(_RAW_MODES[mode], (width, height), data).convert(mode, dither=Image.Dither.NONE)
    image = Image.frombytes(mode, (width, height), data)
    if mode == 'P':
        image.putpalette(palette)
        if alpha:
            image.info['transparency'] = alpha
    return image


def pixels_of(image: Any) -> tuple[str, int, int, bytes, bytes, bytes]:
    """(mode, width, height, pixels, palette, its alpha) of a PIL image or of a NumPy array of pixels."""
    if not hasattr(image, 'tobytes') or hasattr(image, 'dtype'):
        from PIL import Image

        image = Image.fromarray(image)
    if image.mode not in _OUR_MODES:
        image = image.convert(_NEAREST_MODES.get(image.mode, 'RGB'))
    palette = alpha = b''
    if image.mode == 'P':
        palette = bytes(image.getpalette('RGB') or [])
        transparency = image.info.get('transparency')
        if isinstance(transparency, bytes):
            alpha = transparency
        elif isinstance(transparency, int):
            alpha = bytes([255] * transparency + [0])
    data = image.tobytes('raw', 'L') if image.mode == '1' else image.tobytes()
    return image.mode, image.width, image.height, data, palette, alpha


def array_of_bytes(data: bytearray, dtype: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    import numpy as np

    return np.frombuffer(data, dtype=dtype).reshape(shape)


def array_of(value: Any, dtype: str | None) -> np.ndarray[Any, Any] | None:
    """A contiguous array of `value`, of `dtype` when that is given. None when it is no array of numbers, or when an
    element does not fit `dtype`."""
    import numpy as np

    if not isinstance(value, np.ndarray | list | tuple):
        return None
    try:
        array = np.asarray(value)
        if array.dtype.kind == 'O' and dtype is not None:  # None is NaN in an array of floats
            array = array.astype(dtype)
        if array.dtype.kind not in 'biuf':
            return None
        if dtype is None:
            return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder('='))
        return np.ascontiguousarray(_of_dtype(array, np.dtype(dtype)))
    except (TypeError, ValueError, OverflowError):
        return None


def _of_dtype(array: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """`array` with elements of `dtype`; floats may lose digits. OverflowError when an element is out of range, or is a
    fraction and `dtype` one of integers."""
    import numpy as np

    if array.dtype == dtype:
        return array
    with np.errstate(all='ignore'):
        cast = array.astype(dtype)
    same = np.array_equal(np.isfinite(cast), np.isfinite(array)) if dtype.kind == 'f' else np.array_equal(cast, array)
    if not same:
        raise OverflowError(f'an element does not fit {dtype}')
    return cast
