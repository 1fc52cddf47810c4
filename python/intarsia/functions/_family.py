# SPDX-License-Identifier: Apache-2.0
"""Functions of the registry by family: `string.upper` is `upper` in the module `string`."""

from __future__ import annotations

from functools import cache

from intarsia import _native
from intarsia.func import Function


@cache
def _functions() -> dict[tuple[str, str], Function]:
    functions = {}
    for info in _native.list_functions():
        family, _, name = info.name.rpartition('.')
        if ':' not in family:
            functions[family, name] = Function(info.name)
    return functions


def family_function(family: str, name: str) -> Function:
    function = _functions().get((family, name))
    if function is None:
        raise AttributeError(f"there is no function '{family}.{name}'; list_functions() shows all")
    return function


def family_dir(family: str) -> list[str]:
    return sorted(name for of, name in _functions() if of == family)
