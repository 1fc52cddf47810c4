# SPDX-License-Identifier: Apache-2.0
"""The command line against what the Python face says of the same tables."""

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import intarsia as pxt

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli(intarsia_command: Path) -> Run:
    """Runs `intarsia ARGUMENTS`; `width` is the terminal's."""

    def run(*arguments: object, width: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, 'COLUMNS': str(width)} if width else os.environ
        words = [str(intarsia_command), *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, env=environment, timeout=120)

    return run


@pytest.fixture
def people(directory: str) -> pxt.Table:
    """Four rows, one with an error."""
    schema = {'id': pxt.Int, 'name': pxt.String | None, 'about': pxt.Json | None, 'born': pxt.Timestamp | None}
    t = pxt.create_table(f'{directory}/people', schema)
    t.add_computed_column(inverse=1 / (t.id - 1), on_error='ignore')
    rows = [{'id': i, 'name': name} for i, name in enumerate(['Ada', 'Grace', 'Zoë 数学', None])]
    rows[0]['about'] = {'tags': ['maths', {'deep': 1}]}
    t.insert(rows, on_error='ignore')
    return t


def answer(done: subprocess.CompletedProcess[str]) -> object:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_ls_lists_directories_tables_and_views(cli: Run, people: pxt.Table, directory: str) -> None:
    pxt.create_view(f'{directory}/adults', people.where(people.id > 1))
    pxt.create_dir(f'{directory}/inner')
    entries = {e['path']: e for e in answer(cli('ls', directory, '--json'))}
    assert set(entries) == {f'{directory}/{name}' for name in ('adults', 'inner', 'people')}
    assert entries[f'{directory}/adults']['kind'] == 'view'
    assert entries[f'{directory}/adults']['base'] == f'{directory}/people'
    assert entries[f'{directory}/inner']['version'] is None
    assert f'{directory}/people' in cli('ls').stdout or directory in cli('ls').stdout


def test_ls_recursive_reaches_inner_tables(cli: Run, directory: str) -> None:
    pxt.create_dir(f'{directory}/a')
    pxt.create_table(f'{directory}/a/t', {'x': pxt.Int})
    assert [e['path'] for e in answer(cli('ls', '-r', directory, '--json'))] == [f'{directory}/a', f'{directory}/a/t']


def test_describe_shows_types_and_expressions(cli: Run, people: pxt.Table, directory: str) -> None:
    described = answer(cli('describe', f'{directory}.people', '--json'))
    assert described['path'] == f'{directory}/people'
    columns = {c['column']: c for c in described['columns']}
    assert columns['name']['type'] == 'String | None'
    assert columns['inverse']['computed as'] == '1 / (id - 1)'


def test_rows_agree_with_collect(cli: Run, people: pxt.Table, directory: str) -> None:
    rows = answer(cli('rows', f'{directory}/people', '--columns', 'id,name,about,inverse', '--json'))
    expected = people.select(people.id, people.name, people.about, people.inverse).collect()
    assert rows == [dict(row) for row in expected]


def test_rows_first_last_and_offset(cli: Run, people: pxt.Table, directory: str) -> None:
    table = f'{directory}/people'
    assert [r['id'] for r in answer(cli('rows', table, '-n', 2, '--json'))] == [0, 1]
    assert [r['id'] for r in answer(cli('rows', table, '-n', 2, '--offset', 1, '--json'))] == [1, 2]
    assert [r['id'] for r in answer(cli('rows', table, '-n', 1, '--last', '--json'))] == [3]


def test_tables_fit_the_terminal(cli: Run, people: pxt.Table, directory: str) -> None:
    people.insert([{'id': 9, 'name': 'x' * 500 + '\nsecond line \x1b[31m'}])
    for width in (40, 60, 100):
        lines = cli('rows', f'{directory}/people', width=width).stdout.splitlines()
        assert len(lines) == 6
        assert max(map(len, lines)) <= width
        assert any('…' in line for line in lines)
    assert '\x1b' not in cli('rows', f'{directory}/people').stdout


def test_numbers_are_aligned_to_the_right(cli: Run, directory: str) -> None:
    t = pxt.create_table(f'{directory}/n', {'n': pxt.Int})
    t.insert([{'n': 1}, {'n': 12345}])
    assert cli('rows', f'{directory}/n').stdout.splitlines() == ['    n', '    1', '12345']


def test_media_cells_are_short_paths(cli: Run, directory: str, photograph: Callable[[str], str]) -> None:
    t = pxt.create_table(f'{directory}/photos', {'photo': pxt.Image})
    t.insert([{'photo': photograph('rocket.jpg')}])
    assert 'rocket.jpg' in cli('rows', f'{directory}/photos').stdout
    assert '/data/' not in cli('rows', f'{directory}/photos').stdout


def test_count_and_errors(cli: Run, people: pxt.Table, directory: str) -> None:
    assert cli('count', f'{directory}/people').stdout == '4\n'
    assert answer(cli('count', f'{directory}/people', '--json')) == {'rows': 4}
    errors = answer(cli('errors', f'{directory}/people', '--json'))
    assert [e['column'] for e in errors] == ['inverse']
    assert errors[0]['error'] == 'ZeroDivisionError'


def test_history_has_a_line_per_version(cli: Run, people: pxt.Table, directory: str) -> None:
    history = answer(cli('history', f'{directory}/people', '--json'))
    assert [h['version'] for h in history] == [v['version'] for v in people.get_versions()]
    assert history[0]['inserted'] == 4
    assert len(answer(cli('history', f'{directory}/people', '-n', 1, '--json'))) == 1


def test_drop_wants_force_for_a_table_with_views(cli: Run, people: pxt.Table, directory: str) -> None:
    pxt.create_view(f'{directory}/v', people.where(people.id > 1))
    refused = cli('drop', f'{directory}/people')
    assert refused.returncode == 1
    assert 'v' in refused.stderr
    assert cli('drop', f'{directory}/people', '--force').returncode == 0
    assert pxt.list_tables(directory) == []


def test_status_tells_of_the_server(cli: Run, people: pxt.Table, home: Path) -> None:
    status = answer(cli('status', '--json'))
    assert status['home'] == str(home.resolve())
    assert status['server'] == 'running'
    assert status['tables'] >= 1
    assert Path(f'/proc/{status["pid"]}').exists()


def test_status_of_a_stopped_instance_starts_nothing(cli: Run, tmp_path: Path) -> None:
    status = answer(cli('--home', tmp_path / 'none', 'status', '--json'))
    assert status['server'] == 'stopped'
    assert not (tmp_path / 'none' / 'pgdata').exists()


def test_start_and_stop(cli: Run, tmp_path: Path) -> None:
    home = tmp_path / 'other'
    assert answer(cli('start', '--home', home, '--json'))['server'] == 'running'
    assert answer(cli('stop', '--home', home, '--json'))['server'] == 'stopped'
    assert answer(cli('stop', '--home', home, '--json'))['server'] == 'stopped'


def test_errors_go_to_stderr_with_exit_code_1(cli: Run) -> None:
    done = cli('count', 'no_such_directory/no_such_table')
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr.startswith('intarsia: ')
    assert 'no_such' in done.stderr


@pytest.mark.parametrize('words', [[], ['frobnicate'], ['count'], ['rows', 't', '-n', '-1'], ['rows', 't', '--what']])
def test_wrong_usage_has_exit_code_2(cli: Run, words: list[str]) -> None:
    done = cli(*words)
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr.startswith('intarsia: ')


def test_help_lists_every_command(cli: Run) -> None:
    text = cli('--help').stdout
    for command in ['ls', 'describe', 'rows', 'count', 'errors', 'history', 'status', 'start', 'stop', 'drop']:
        assert f'\n  {command} ' in text
        assert cli(command, '--help').returncode == 0


def test_version_is_the_package_s(cli: Run) -> None:
    assert cli('--version').stdout == f'intarsia {pxt.__version__}\n'


def test_starts_in_a_tenth_of_a_second(cli: Run, people: pxt.Table, directory: str) -> None:
    times = []
    for _ in range(7):
        start = time.perf_counter()
        assert cli('count', f'{directory}/people').returncode == 0
        times.append(time.perf_counter() - start)
    assert statistics.median(times) < 0.2  # seconds; 0.1 on a machine that does nothing else
