# SPDX-License-Identifier: Apache-2.0
"""Image files and image functions give the pixels that Pillow gives; damaged files and giant sizes give errors."""

import base64
import io
import json
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import PIL.Image
import pytest

import intarsia as pxt
from intarsia import exceptions

pytestmark = pytest.mark.filterwarnings('ignore:Palette images with Transparency')

Picture = PIL.Image.Image
WIDTH, HEIGHT = 61, 47
rng = np.random.default_rng(1)


def noise(*shape: int, dtype: Any = np.uint8) -> np.ndarray:
    """Every value of the type."""
    return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def encoded(image: Picture, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def opened(data: bytes) -> Picture:
    return PIL.Image.open(io.BytesIO(data))


# ---- files -----------------------------------------------------------------------------------------------------------


def png(colour: int, depth: int, interlaced: bool, transparency: bytes = b'') -> bytes:
    """A PNG of noise whose rows take all filters in turn."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    adam7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b''
    for x, y, step_x, step_y in adam7 if interlaced else [(0, 0, 1, 1)]:
        pixels = len(range(x, WIDTH, step_x))
        row_bytes = (pixels * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] * depth + 7) // 8
        for row in range(len(range(y, HEIGHT, step_y))):
            rows += bytes([row % 5]) + noise(row_bytes).tobytes()
    header = struct.pack('>IIBBBBB', WIDTH, HEIGHT, depth, colour, 0, 0, interlaced)
    palette = chunk(b'PLTE', noise(3 << depth).tobytes()) if colour == 3 else b''
    opacity = chunk(b'tRNS', transparency) if transparency else b''
    packed = zlib.compress(rows)
    pixels_in_two = chunk(b'IDAT', packed[:99]) + chunk(b'IDAT', packed[99:])
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + palette + opacity + pixels_in_two + chunk(b'IEND', b'')


def bmp(bits: int, compression: int = 0, masks: tuple[int, ...] = (), data: bytes = b'', size: int = 40) -> bytes:
    """A BMP of noise, or of `data`; the masks lie in the header where it has room for them."""
    data = data or noise((WIDTH * bits + 31) // 32 * 4 * HEIGHT).tobytes()
    header = struct.pack('<IiiHHIIiiII', size, WIDTH, HEIGHT, 1, bits, compression, len(data), 0, 0, 0, 0)
    header += b''.join(struct.pack('<I', mask) for mask in masks)
    header = header.ljust(14 + size - 14, b'\0')
    palette = b''.join(bytes([*noise(3), 0]) for _ in range(1 << bits)) if bits <= 8 else b''
    offset = 14 + len(header) + len(palette)
    return b'BM' + struct.pack('<IHHI', offset + len(data), 0, 0, offset) + header + palette + data


def run_lengths(bits: int) -> bytes:
    """Rows of a run, five values as they are, and a run."""
    literal = b'\0\5\x01\x02\x03\x04\x05\0' if bits == 8 else b'\0\5\x12\x34\x50\0'
    row = bytes([30, 0x21]) + literal + bytes([WIDTH - 35, 0x34])
    return row + (b'\0\0' + row) * (HEIGHT - 1) + b'\0\1'


def tiff(bits: int, photometric: int, **tags: Any) -> bytes:
    """A little-endian TIFF of noise in one strip. `tags`: samples, orientation, extra, tile, palette, planar."""
    samples = tags.get('samples', 1)
    tile = tags.get('tile')
    width, height = (-(-WIDTH // tile) * tile, -(-HEIGHT // tile) * tile) if tile else (WIDTH, HEIGHT)
    data = noise((width * samples * bits + 7) // 8 * height).tobytes()
    fields: dict[int, tuple[str, list[int]]] = {
        256: ('I', [WIDTH]), 257: ('I', [HEIGHT]), 258: ('H', [bits] * samples), 259: ('H', [1]),
        262: ('H', [photometric]), 274: ('H', [tags.get('orientation', 1)]), 277: ('H', [samples]),
        284: ('H', [tags.get('planar', 1)]), 339: ('H', [tags.get('sample_format', 1)] * samples),
    }  # fmt: skip
    if 'extra' in tags:
        fields[338] = ('H', [tags['extra']])
    if photometric == 3:
        fields[320] = ('H', noise(3 << bits, dtype=np.uint16).tolist())
    if tile:
        count = width // tile * (height // tile)
        size = len(data) // count
        fields |= {322: ('I', [tile]), 323: ('I', [tile]), 325: ('I', [size] * count)}
        fields[324] = ('I', [8 + i * size for i in range(count)])
    else:
        planes = samples if tags.get('planar') == 2 else 1
        size = len(data) // planes
        fields |= {278: ('I', [HEIGHT]), 279: ('I', [size] * planes), 273: ('I', [8 + i * size for i in range(planes)])}
    directory_at = 8 + len(data) + len(data) % 2
    outside_at = directory_at + 2 + 12 * len(fields) + 4
    directory, outside = struct.pack('<H', len(fields)), b''
    for tag, (kind, values) in sorted(fields.items()):
        packed = struct.pack(f'<{len(values)}{kind}', *values)
        if len(packed) > 4:
            packed, outside = struct.pack('<I', outside_at + len(outside)), outside + packed
        directory += struct.pack('<HHI', tag, {'H': 3, 'I': 4}[kind], len(values)) + packed.ljust(4, b'\0')
    head = b'II*\0' + struct.pack('<I', directory_at)
    return head + data + b'\0' * (len(data) % 2) + directory + b'\0\0\0\0' + outside


def moved_gif(gif: bytes, screen: tuple[int, int], frame: tuple[int, int]) -> bytes:
    """The same picture at another place of another screen."""
    changed = bytearray(gif)
    changed[6:10] = struct.pack('<HH', *screen)
    at = changed.index(b'\x2c\0\0\0\0') + 1
    changed[at : at + 4] = struct.pack('<HH', *frame)
    return bytes(changed)


def float_image() -> Picture:
    return PIL.Image.fromarray((rng.random((HEIGHT, WIDTH)) * 600 - 100).astype(np.float32))


def source_images(photo: Picture) -> dict[str, Picture]:
    """One image of each mode that a lossless file can hold, made of a photograph or of noise."""
    opacity = PIL.Image.fromarray(noise(HEIGHT, WIDTH))
    with_alpha = photo.copy()
    with_alpha.putalpha(opacity)
    palette = photo.quantize(37)
    palette.info['transparency'] = noise(37).tobytes()
    lab = PIL.Image.frombytes('LAB', photo.size, noise(HEIGHT, WIDTH, 3).tobytes())
    return {
        **{mode: photo.convert(mode) for mode in ('1', 'L', 'RGB', 'CMYK', 'YCbCr')},
        'LA': with_alpha.convert('LA'),
        'RGBA': with_alpha,
        'P': palette,
        'LAB': lab,
        'I': PIL.Image.fromarray(noise(HEIGHT, WIDTH, dtype=np.int32) // 20000),
        'I;16': PIL.Image.fromarray(noise(HEIGHT, WIDTH, dtype=np.uint16)),
        'F': float_image(),
    }


def png_files() -> Iterator[tuple[str, bytes]]:
    for colour, depths in {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}.items():
        for depth in depths:
            for interlaced in (False, True):
                opacity = noise(1 << (depth - 1)).tobytes() if colour == 3 and interlaced else b''
                yield f'png {colour} {depth} {interlaced}', png(colour, depth, interlaced, opacity)


def jpeg_files(images: dict[str, Picture]) -> Iterator[tuple[str, bytes]]:
    for mode in ('L', 'RGB', 'CMYK', 'YCbCr'):
        yield f'jpeg {mode}', encoded(images[mode], 'JPEG')
        yield f'jpeg {mode} progressive', encoded(images[mode], 'JPEG', progressive=True, subsampling=0)
    turned = PIL.Image.Exif()
    turned[0x112] = 6
    yield 'jpeg exif', encoded(images['RGB'], 'JPEG', exif=turned, subsampling=1, restart_marker_rows=1)


def webp_files(images: dict[str, Picture]) -> Iterator[tuple[str, bytes]]:
    for mode in ('RGB', 'RGBA'):
        yield f'webp {mode}', encoded(images[mode], 'WEBP')
        yield f'webp {mode} lossless', encoded(images[mode], 'WEBP', lossless=True, exact=True)
        more = [images[mode].rotate(90)]
        yield f'webp {mode} animated', encoded(images[mode], 'WEBP', save_all=True, append_images=more)


def gif_files(images: dict[str, Picture]) -> Iterator[tuple[str, bytes]]:
    palette = images['RGB'].quantize(37)
    for interlace in (0, 1):
        yield f'gif {interlace}', encoded(palette, 'GIF', interlace=interlace)
        yield f'gif transparent {interlace}', encoded(palette, 'GIF', interlace=interlace, transparency=5)
    yield 'gif animated', encoded(palette, 'GIF', save_all=True, append_images=[palette.rotate(90)])
    yield 'gif grey', encoded(images['L'], 'GIF')
    plain = encoded(palette, 'GIF', interlace=0)
    yield 'gif on a larger screen', moved_gif(plain, (80, 70), (5, 7))
    yield 'gif beyond the screen', moved_gif(plain, (20, 20), (5, 7))


def bmp_files() -> Iterator[tuple[str, bytes]]:
    for bits in (1, 4, 8, 16, 24, 32):
        yield f'bmp {bits}', bmp(bits)
    yield 'bmp 565', bmp(16, 3, (0xF800, 0x7E0, 0x1F), size=56)
    yield 'bmp bgra', bmp(32, 3, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), size=56)
    yield 'bmp abgr', bmp(32, 3, (0xFF000000, 0xFF0000, 0xFF00, 0xFF), size=108)
    yield 'bmp run lengths of 8 bits', bmp(8, 1, data=run_lengths(8))
    yield 'bmp run lengths of 4 bits', bmp(4, 2, data=run_lengths(4))


def tiff_files(images: dict[str, Picture]) -> Iterator[tuple[str, bytes]]:
    for mode in images:
        yield f'tiff {mode}', encoded(images[mode], 'TIFF')
    for compression in ('tiff_lzw', 'tiff_deflate', 'packbits', 'jpeg', 'zstd', 'lzma'):
        yield f'tiff {compression}', encoded(images['RGB'], 'TIFF', compression=compression)
    yield 'tiff group4', encoded(images['1'], 'TIFF', compression='group4')
    for bits in (1, 2, 4, 8):
        for photometric in (0, 1, 3):
            yield f'tiff of {bits} bits, {photometric}', tiff(bits, photometric)
    yield 'tiff 12 bits', tiff(12, 1)
    yield 'tiff int16', tiff(16, 1, sample_format=2)
    for orientation in range(2, 9):
        yield f'tiff turned {orientation}', tiff(8, 2, samples=3, orientation=orientation)
    for extra in (0, 1, 2):
        for bits in (8, 16):
            yield f'tiff of {bits} bits, extra {extra}', tiff(bits, 2, samples=4, extra=extra)
    yield 'tiff rgb 16 bits', tiff(16, 2, samples=3)
    yield 'tiff cmyk 16 bits', tiff(16, 5, samples=4)
    yield 'tiff planes', tiff(8, 2, samples=3, planar=2)
    for bits, photometric, samples in ((8, 1, 1), (1, 1, 1), (16, 1, 1), (8, 2, 3), (8, 3, 1)):
        yield f'tiff tiles of {bits} bits, {photometric}', tiff(bits, photometric, samples=samples, tile=16)


@pytest.fixture(scope='module')
def images() -> dict[str, Picture]:
    import sample_media

    with PIL.Image.open(sample_media.photograph('astronaut.png')) as photo:
        return source_images(PIL.Image.frombytes('RGB', (WIDTH, HEIGHT), photo.resize((WIDTH, HEIGHT)).tobytes()))


@pytest.fixture(scope='module')
def files(images: dict[str, Picture]) -> dict[str, bytes]:
    return dict(
        [*png_files(), *jpeg_files(images), *webp_files(images), *gif_files(images), *bmp_files(), *tiff_files(images)]
    )


def table_of(name: str, rows: dict[str, bytes]) -> pxt.Table:
    pxt.drop_table(name, if_not_exists='ignore')
    t = pxt.create_table(name, {'name': pxt.String, 'img': pxt.Image}, media_validation='on_read')
    t.insert([{'name': key, 'img': data} for key, data in rows.items()])
    return t


@pytest.fixture(scope='module')
def t(files: dict[str, bytes]) -> pxt.Table:
    """All files."""
    return table_of('image_files', files)


@pytest.fixture(scope='module')
def by_mode(images: dict[str, Picture]) -> pxt.Table:
    """One file of each mode."""
    return table_of('image_modes', {mode: encoded(image, 'TIFF') for mode, image in images.items()})


# ---- comparing -------------------------------------------------------------------------------------------------------


def samples(image: Picture) -> np.ndarray:
    """The samples as numbers, a and b of LAB and opacity included; colours of a palette with their opacity."""
    if image.mode == 'P':
        image = image.convert('RGBA')
    if image.mode == '1':
        image = image.convert('L')
    if image.mode == 'I;16B':
        return np.asarray(image).astype(float)
    array = np.asarray(image)
    if image.mode == 'LAB':  # a and b are signed
        array = array ^ np.array([0, 128, 128], np.uint8)
    return array.astype(float)


def assert_same(ours: Picture, theirs: Picture, what: str, within: float = 0) -> None:
    assert (ours.mode, ours.size) == (theirs.mode, theirs.size), what
    np.testing.assert_allclose(samples(ours), samples(theirs), atol=within, rtol=1e-6, err_msg=what)


def compare(t: pxt.Table, ours: Callable[[Any], Any], theirs: Callable[[Picture], Picture], within: float = 0) -> None:
    """Every row's image after `ours` in the engine is the one after `theirs` in Pillow."""
    rows = t.select(t.name, t.img.fileurl, result=ours(t.img)).collect()
    for name, url, result in zip(rows['name'], rows['img_fileurl'], rows['result'], strict=True):
        with PIL.Image.open(url.removeprefix('file://')) as image:
            assert_same(result, theirs(image), name, within)


# ---- files through the engine ----------------------------------------------------------------------------------------


def test_files_are_decoded_as_pillow_decodes_them(t: pxt.Table) -> None:
    compare(t, lambda img: img.transpose(0), lambda image: image.transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT))


def test_headers_say_what_pillow_says(t: pxt.Table, files: dict[str, bytes]) -> None:
    chosen = [t.img.width, t.img.height, t.img.mode, t.img.size]
    rows = t.select(t.name, *chosen, metadata=t.img.get_metadata()).collect()
    for row in rows:
        image = opened(files[row['name']])
        bits = getattr(image, 'bits', None)
        expected = {'width': image.width, 'height': image.height, 'mode': image.mode, 'bits': bits}
        assert row['metadata'] == expected | {'format': image.format}, row['name']
        assert (row['width'], row['height'], row['mode']) == (image.width, image.height, image.mode)
        assert row['size'] == [image.width, image.height]


@pytest.mark.parametrize('file_format', ['png', 'jpeg', 'webp'])
def test_encoded_images_are_read_by_pillow(by_mode: pxt.Table, file_format: str) -> None:
    modes = {'png': ['1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'I;16'], 'jpeg': ['L', 'RGB', 'CMYK'], 'webp': ['RGB', 'RGBA']}
    chosen = by_mode.where(by_mode.name.isin(modes[file_format]))
    for row in chosen.select(by_mode.name, by_mode.img, text=by_mode.img.b64_encode(file_format)).collect():
        image = opened(base64.b64decode(row['text']))
        assert image.format == file_format.upper()
        if file_format == 'png':
            assert_same(image, row['img'], row['name'])
        else:
            difference = samples(image.convert('RGBA')) - samples(row['img'].convert('RGBA'))
            assert np.abs(difference).mean() < 12, row['name']


# ---- functions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('method', range(7))
def test_transpose(by_mode: pxt.Table, method: int) -> None:
    compare(by_mode, lambda img: img.transpose(method), lambda image: image.transpose(PIL.Image.Transpose(method)))


@pytest.mark.parametrize('box', [(5, 6, 40, 30), (0, 0, 1, 1), (-9, 5, 20, 60), (50, -3, 90, 20), (70, 70, 90, 99)])
def test_crop(by_mode: pxt.Table, box: tuple[int, int, int, int]) -> None:
    compare(by_mode, lambda img: img.crop(box), lambda image: image.crop(box))


@pytest.mark.parametrize('angle', [0, 1, 30, 45, 89, 90, 135, 180, 200, 270, 301, 359, 360, 765, -17, -90])
def test_rotate(by_mode: pxt.Table, angle: int) -> None:
    compare(by_mode, lambda img: img.rotate(angle), lambda image: image.rotate(angle))


def test_rotate_a_square_by_quarters(by_mode: pxt.Table) -> None:
    for angle in (90, 180, 270):
        compare(
            by_mode,
            lambda img, angle=angle: img.crop((0, 0, 40, 40)).rotate(angle),
            lambda image, angle=angle: image.crop((0, 0, 40, 40)).rotate(angle),
        )


@pytest.mark.parametrize('size', [(96, 96), (20, 15), (7, 90), (100, 5), (40, 8), (1, 1), (61, 20), (25, 47), (61, 47)])
def test_resize(by_mode: pxt.Table, size: tuple[int, int]) -> None:
    """Within one, or a thousandth where samples are floats; 40 x 8 and 100 x 5 show the order of the two passes."""
    compare(by_mode, lambda img: img.resize(size), lambda image: image.resize(size), within=1)


@pytest.mark.parametrize('resample', range(8))
@pytest.mark.parametrize('gap', [None, 1.0, 2.0, 3.0])
def test_thumbnail(by_mode: pxt.Table, resample: int, gap: float | None) -> None:
    sizes = [(30, 30), (9, 40), (50, 4), (200, 200)]

    def shrunk(image: Picture, size: tuple[int, int]) -> Picture:
        image = image.copy()
        image.thumbnail(size, PIL.Image.Resampling(resample), gap)
        return image

    pillow_refuses = gap is not None and resample != 0  # to reduce 16-bit images
    t = by_mode.where(by_mode.name != 'I;16') if pillow_refuses else by_mode
    rows = t.select(
        by_mode.name, by_mode.img, *[by_mode.img.thumbnail(size, resample, gap) for size in sizes]
    ).collect()
    for row in rows:
        name, image, *results = (row[column] for column in rows.schema)
        for size, result in zip(sizes, results, strict=True):
            assert_same(result, shrunk(image, size), f'{name} {size}', within=1)


@pytest.mark.parametrize('factor', [1, 2, 3, 5])
def test_reduce(by_mode: pxt.Table, factor: int) -> None:
    averaged = [by_mode.name != mode for mode in ('1', 'P', 'I;16')]
    rows = by_mode.where(averaged[0] & averaged[1] & averaged[2])
    rows = rows.select(by_mode.name, by_mode.img, whole=by_mode.img.reduce(factor))
    for row in rows.collect():
        assert_same(row['whole'], row['img'].reduce(factor), row['name'])


MODES = ['1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'CMYK', 'YCbCr', 'HSV', 'LAB', 'I', 'F', 'I;16']


@pytest.mark.parametrize('mode', MODES)
def test_convert(by_mode: pxt.Table, images: dict[str, Picture], mode: str) -> None:
    """All that Pillow converts; exact but for LAB, which is within one of its colour management."""

    def convertible(image: Picture) -> bool:
        try:
            image.convert(mode)
        except ValueError:
            return False
        return True

    names = [name for name, image in images.items() if convertible(image)]
    within = 1 if mode == 'LAB' else 0
    rows = by_mode.where(by_mode.name.isin(names))
    for row in rows.select(by_mode.name, by_mode.img, result=by_mode.img.convert(mode)).collect():
        assert_same(row['result'], row['img'].convert(mode), row['name'], within if row['name'] != 'LAB' else 1)


def test_a_computed_mode_goes_on(by_mode: pxt.Table, images: dict[str, Picture]) -> None:
    """HSV has no file; it is made, used and left again."""
    chosen = by_mode.where(by_mode.name == 'RGB')
    result = chosen.select(by_mode.img.convert('HSV').rotate(30).resize((20, 20)).convert('RGB')).collect()[0, 0]
    expected = images['RGB'].convert('HSV').rotate(30).resize((20, 20)).convert('RGB')
    assert_same(result, expected, 'HSV')


def test_a_long_image_is_rotated_as_pillow_rotates_it() -> None:
    image = PIL.Image.fromarray(noise(3, 40000))
    t = table_of('image_long', {'long': encoded(image, 'PNG')})
    assert_same(t.select(t.img.rotate(179)).collect()[0, 0], image.rotate(179), 'long')


# ---- bad input -------------------------------------------------------------------------------------------------------


def test_operations_refuse_what_no_memory_can_hold(by_mode: pxt.Table) -> None:
    img = by_mode.img
    for attempt in (lambda: img.resize((60000, 60000)), lambda: img.crop((-1900000000, 0, 1900000000, 5))):
        with pytest.raises(exceptions.Error, match='pixels exceed the limit'):
            by_mode.select(attempt()).collect()
    with pytest.raises(exceptions.Error, match='the box is left, upper, right, lower'):
        by_mode.select(img.crop((9, 9, 1, 1))).collect()
    with pytest.raises(exceptions.Error, match='height and width must be > 0'):
        by_mode.select(img.resize((0, 5))).collect()


def test_an_empty_image_can_be_handled(by_mode: pxt.Table) -> None:
    empty = by_mode.img.crop((3, 3, 3, 3))
    row = by_mode.limit(1).select(empty, empty.resize((4, 4)), empty.rotate(30), empty.convert('L')).collect()[0]
    assert [image.size for image in row.values()] == [(0, 0), (4, 4), (0, 0), (0, 0)]
    with pytest.raises(exceptions.Error, match='the image has no pixels'):
        by_mode.select(empty.b64_encode()).collect()


def claims_giant_size(name: str, data: bytes) -> bytes:
    """The file with 60000 x 60000 pixels in its header."""
    changed = bytearray(data)
    if name == 'png':
        changed[16:24] = struct.pack('>II', 60000, 60000)
        changed[29:33] = struct.pack('>I', zlib.crc32(changed[12:29]))
    elif name == 'jpeg':
        at = changed.index(b'\xff\xc0') + 5
        changed[at : at + 4] = struct.pack('>HH', 60000, 60000)
    elif name == 'gif':
        changed[6:10] = struct.pack('<HH', 60000, 60000)
    elif name == 'bmp':
        changed[18:26] = struct.pack('<ii', 60000, 60000)
    else:
        at = changed.index(struct.pack('<HHI', 256, 4, 1)) + 8
        changed[at : at + 4] = struct.pack('<I', 60000)
        changed[at + 12 : at + 16] = struct.pack('<I', 60000)
    return bytes(changed)


@pytest.mark.parametrize('name', ['png', 'jpeg', 'gif', 'bmp', 'tiff'])
def test_a_header_that_claims_a_giant_image_is_refused(images: dict[str, Picture], name: str, directory: str) -> None:
    data = tiff(8, 1) if name == 'tiff' else encoded(images['RGB'].convert('P' if name == 'gif' else 'RGB'), name)
    t = pxt.create_table(f'{directory}.giant', {'img': pxt.Image})
    with pytest.raises(exceptions.Error, match='60000x60000 pixels exceed the limit'):
        t.insert(img=claims_giant_size(name, data))


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Cut off, or with some bytes changed, mostly in the header."""
    if chance.random() < 0.3:
        return data[: chance.randrange(4, len(data))]
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 3, 20])):
        at = chance.randrange(2, min(len(data), 150) if chance.random() < 0.6 else len(data))
        changed[at] = chance.choice([0, 255, changed[at] ^ 1 << chance.randrange(8), chance.randrange(256)])
    return bytes(changed)


def test_damaged_files_are_error_cells(files: dict[str, bytes]) -> None:
    """Each is an image or an error that names its format; none ends the process."""
    chance = random.Random(5)
    kinds = ['png 2 8 False', 'png 3 4 True', 'jpeg RGB', 'webp RGB lossless', 'gif 1', 'bmp 8', 'bmp bgra']
    kinds += ['bmp run lengths of 4 bits', 'tiff tiff_lzw', 'tiff tiles of 8 bits, 2', 'tiff planes']
    t = table_of('image_damaged', {f'{kind} {i}': damaged(files[kind], chance) for kind in kinds for i in range(30)})
    t.add_computed_column(small=t.img.convert('RGB').resize((5, 5)), on_error='ignore')
    rows = t.select(t.name, t.small, message=t.small.errormsg).collect()
    failed = [row for row in rows if row['small'] is None]
    assert len(rows) == 30 * len(kinds)
    assert len(failed) > len(kinds)
    for row in failed:
        named = row['name'].split()[0].upper() + ' image: ' in row['message']
        assert named or 'not an image' in row['message'], (row['name'], row['message'])
    assert all(row['small'].size == (5, 5) for row in rows if row['small'] is not None)


def test_a_cut_off_file_says_so(files: dict[str, bytes]) -> None:
    kinds = {'png 2 8 False': 'PNG', 'jpeg RGB': 'JPEG', 'webp RGB': 'WEBP', 'gif 0': 'GIF', 'bmp 24': 'BMP'}
    t = table_of('image_cut', {kind: files[kind][: len(files[kind]) * 2 // 3] for kind in kinds})
    for kind, file_format in kinds.items():
        with pytest.raises(exceptions.Error, match=f'{file_format} image: .*(truncated|damaged|failed|EOF)'):
            t.where(t.name == kind).select(t.img.rotate(5)).collect()


def test_metadata_of_a_computed_image(by_mode: pxt.Table) -> None:
    row = by_mode.limit(1).select(m=by_mode.img.resize((20, 10)).convert('L').get_metadata()).collect()[0]
    assert row['m'] == {'width': 20, 'height': 10, 'mode': 'L', 'bits': None, 'format': None}
    assert json.dumps(row['m'])
