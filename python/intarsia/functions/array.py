# SPDX-License-Identifier: Apache-2.0
"""The built-in functions of the family `array`, as the registry has them."""

from intarsia.func import Function
from intarsia.functions._family import family_dir, family_function


def __getattr__(name: str) -> Function:
    return family_function('array', name)


def __dir__() -> list[str]:
    return family_dir('array')
