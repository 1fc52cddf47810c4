# SPDX-License-Identifier: Apache-2.0
"""Tables of text and of HTML for describe(), reprs and notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

_WIDEST_CELL = 50


def shortened(text: str) -> str:
    return text if len(text) <= _WIDEST_CELL else text[: _WIDEST_CELL - 3] + '...'


def text_table(headers: Sequence[str], rows: Sequence[Sequence[str] | None]) -> str:
    """Right-aligned columns under a ruled line of headers; a row None is a dotted line."""
    cells = [[shortened(cell) for cell in row] if row is not None else None for row in rows]
    widths = [
        max([len(header), *(len(row[i]) for row in cells if row is not None)]) for i, header in enumerate(headers)
    ]

    def line(values: Sequence[str]) -> str:
        return ' ' + '  '.join(value.rjust(width) for value, width in zip(values, widths, strict=True))

    total = len(line(headers))
    lines = [line(headers), '-' * total]
    lines += ['.' * total if row is None else line(row) for row in cells]
    return '\n'.join(lines)


def html_table(headers: Sequence[str], rows: Sequence[Sequence[Any] | None]) -> str:
    def parts() -> Iterator[str]:
        yield '<table border="1" class="dataframe"><thead><tr style="text-align: left">'
        yield from (f'<th>{_escape(header)}</th>' for header in headers)
        yield '</tr></thead><tbody>'
        for row in rows:
            if row is not None:
                yield '<tr>' + ''.join(f'<td style="text-align: left">{html_cell(cell)}</td>' for cell in row) + '</tr>'
        yield '</tbody></table>'

    return ''.join(parts())


def html_cell(value: Any) -> str:
    """A cell of a notebook's table: pictures as thumbnails, anything else as text."""
    if hasattr(value, 'thumbnail') and hasattr(value, 'convert'):
        return _html_picture(value)
    return '' if value is None else _escape(str(value))


def _html_picture(image: Any) -> str:
    import base64
    import io

    small = image.convert('RGB')
    small.thumbnail((240, 240))
    encoded = io.BytesIO()
    small.save(encoded, 'PNG')
    data = base64.b64encode(encoded.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" width="{small.width}" height="{small.height}">'


def _escape(text: str) -> str:
    import html

    return html.escape(text)


def show(text: str, html: str) -> None:
    """Prints the text, or displays the HTML in a notebook."""
    import sys

    if 'ipykernel' in sys.modules:
        import importlib

        display = importlib.import_module('IPython.display')
        display.display(display.HTML(html))
    else:
        print(text)
