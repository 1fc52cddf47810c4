# SPDX-License-Identifier: Apache-2.0
"""The instance that this process works with: opened at first use, or by `init`."""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path
from typing import Any

from intarsia import _native
from intarsia.exceptions import ErrorCode, RequestError

_lock = threading.Lock()
_database: _native.Database | None = None
_overrides: list[tuple[str, str]] = []
_rate_limits: _native.RateLimits | None = None


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread may have held it


os.register_at_fork(after_in_child=_after_fork)


def database() -> _native.Database:
    return _database if _database is not None else _open([])


def _open(overrides: list[tuple[str, str]]) -> _native.Database:
    global _database, _overrides
    with _lock:
        if _database is None:
            opened = _native.Database.open(overrides)
            if opened.verbosity > 0:
                from intarsia import _progress

                opened.set_progress(_progress.show)
            from intarsia import _interrupts

            _interrupts.install()
            _database, _overrides = opened, overrides
            atexit.register(_native.flush_function_stats, opened)
        elif overrides and overrides != _overrides:
            raise RequestError(
                ErrorCode.INVALID_STATE,
                f'this process already uses the instance at {_database.home}; start another one',
            )
        return _database


def rate_limits() -> _native.RateLimits:
    """The pace of calls to services, which all processes of the instance share."""
    global _rate_limits
    if _rate_limits is None:
        opened = database()
        with _lock:
            _rate_limits = _rate_limits or _native.RateLimits(opened)
    return _rate_limits


def settings() -> list[tuple[str, str]]:
    """What `restore` needs to open the same instance in another process."""
    return [*((name, value) for name, value in _overrides if name != 'home'), ('home', str(database().home))]


def restore(settings: list[tuple[str, str]]) -> _native.Database:
    """The instance of an object that comes from another process: opened if this process has none yet."""
    home = dict(settings)['home']
    opened = _database if _database is not None else _open(settings)
    if str(opened.home) != home:
        raise RequestError(
            ErrorCode.INVALID_STATE,
            f'the object is of the instance at {home}, but this process uses the one at {opened.home}',
        )
    return opened


def overrides() -> list[tuple[str, str]]:
    """Settings that `init` was given."""
    return list(_overrides)


def init(config_overrides: dict[str, Any] | None = None) -> None:
    """Opens the instance now, rather than at first use. `config_overrides`: settings by name, before all others."""
    overrides = []
    for name, value in (config_overrides or {}).items():
        name = name.removeprefix('intarsia.').removeprefix('pixeltable.')
        if name not in _native.setting_names():
            known = ', '.join(_native.setting_names())
            raise RequestError(
                ErrorCode.INVALID_CONFIGURATION, f"init(): there is no setting '{name}'; there are: {known}"
            )
        overrides.append((name, str(value)))
    _open(overrides)


def home() -> Path:
    """Folder of the instance."""
    return Path(_database.home if _database is not None else _native.load_config([])['home'])
