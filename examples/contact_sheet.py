# SPDX-License-Identifier: Apache-2.0
"""One picture with many small ones: a grid of thumbnails with a caption under each."""

from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

BACKGROUND = (24, 26, 30)
INK = (214, 217, 222)
MARGIN = 10
CAPTION = 18


def write_contact_sheet(path: Path, pictures: Iterable[tuple[Image.Image, str]], columns: int = 6) -> None:
    """Writes the pictures, each with its caption, in rows of `columns`; all have the size of the first."""
    cells = list(pictures)
    width, height = cells[0][0].size
    step_x, step_y = width + MARGIN, height + CAPTION + MARGIN
    rows = -(-len(cells) // columns)
    sheet = Image.new('RGB', (columns * step_x + MARGIN, rows * step_y + MARGIN), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default()
    for i, (picture, caption) in enumerate(cells):
        x, y = MARGIN + i % columns * step_x, MARGIN + i // columns * step_y
        sheet.paste(picture.convert('RGB').resize((width, height)), (x, y))
        draw.text((x, y + height + 3), caption, fill=INK, font=font)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
