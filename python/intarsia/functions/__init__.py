# SPDX-License-Identifier: Apache-2.0
"""Built-in functions: aggregates here (`sum`, `count`, `min`, `max`, `mean`), the rest by family (`string.upper`)."""

from typing import Any

from intarsia.functions._family import family_dir, family_function

_MODULES = frozenset({'array', 'date', 'image', 'json', 'math', 'string', 'timestamp', 'uuid', 'video'})


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        import importlib

        return importlib.import_module(f'intarsia.functions.{name}')
    if name.startswith('_'):
        raise AttributeError(name)
    return family_function('agg', name)


def __dir__() -> list[str]:
    return sorted([*_MODULES, *family_dir('agg')])
