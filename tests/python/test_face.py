# SPDX-License-Identifier: Apache-2.0
"""The package itself: import time, names, errors, settings, progress."""

import inspect
import pickle
import subprocess
from collections.abc import Callable

import pytest

import intarsia as pxt
from intarsia import ErrorCode, exceptions

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_importing_is_quick_and_loads_nothing_heavy(run_python: Run) -> None:
    done = run_python("""
import sys, time
start = time.process_time()
import intarsia
seconds = time.process_time() - start
heavy = {'numpy', 'pandas', 'PIL', 'pyarrow', 'asyncio', 'inspect', 'dataclasses', 'torch'} & set(sys.modules)
print(seconds < 0.15, heavy)
""")
    assert done.stdout.strip() == 'True set()', done.stdout + done.stderr


def test_exported_names_are_there() -> None:
    assert all(hasattr(pxt, name) for name in pxt.__all__)


def test_built_in_functions_say_what_they_do() -> None:
    upper = pxt.functions.string.upper
    assert str(inspect.signature(upper)) == "(self: 'String') -> 'String'"
    assert 'Example' in (upper.__doc__ or '')
    assert 'upper' in dir(pxt.functions.string)
    assert 'sum' in dir(pxt.functions)
    with pytest.raises(AttributeError, match='nosuch'):
        pxt.functions.string.nosuch  # noqa: B018
    table = pxt.list_functions()
    assert {'string', 'image', 'math'} <= set(table['Path'])


def test_errors_have_classes_and_codes() -> None:
    with pytest.raises(exceptions.NotFoundError) as caught:
        pxt.get_table('no_such_table')
    error = caught.value
    assert isinstance(error, pxt.Error)
    assert error.error_code in (ErrorCode.PATH_NOT_FOUND, ErrorCode.TABLE_NOT_FOUND)
    assert error.http_status == 404
    assert not error.is_retryable
    assert error.to_dict()['error_code'] == error.error_code.name
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.error_code, str(copy)) == (type(error), error.error_code, str(error))


def test_update_status_adds_up() -> None:
    from intarsia.update_status import RowCountStats, UpdateStatus

    status = UpdateStatus(
        row_count_stats=RowCountStats(ins_rows=2, num_excs=1),
        cascade_row_count_stats=RowCountStats(ins_rows=3, computed_values=6),
    )
    assert (status.num_rows, status.num_excs, status.num_computed_values) == (5, 1, 6)
    assert status.insert_msg() == 'Inserted 5 rows with 1 errors.'
    assert status.insert_to_update().row_count_stats.upd_rows == 2
    assert status.to_cascade().cascade_row_count_stats.ins_rows == 5
    assert repr(RowCountStats(1)) == 'RowCountStats(ins_rows=1, del_rows=0, upd_rows=0, num_excs=0, computed_values=0)'


def test_init_knows_its_settings(run_python: Run, tmp_path: object) -> None:
    with pytest.raises(exceptions.RequestError, match='no_such_setting') as caught:
        pxt.init({'no_such_setting': 1})
    assert caught.value.error_code is ErrorCode.INVALID_CONFIGURATION
    pxt.init()
    with pytest.raises(exceptions.RequestError, match='already'):
        pxt.init({'verbosity': 2})
    done = run_python(f"import intarsia as pxt; pxt.init({{'intarsia.home': {str(pxt.home())!r}}}); print(pxt.home())")
    assert done.stdout.strip() == str(pxt.home()), done.stderr
