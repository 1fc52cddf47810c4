# SPDX-License-Identifier: Apache-2.0
"""What is on the disk before a publish names it, seen by a library that notes the calls that wait for the disk."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import intarsia as pxt
from intarsia import _native

# Between the program and libc and libpq: appends a line per call to the file that $CALLS names.
_SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void note(const char *call, int file) {
  char name[64], path[4096] = "", line[4200];
  if (file >= 0) {
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t n = readlink(name, path, sizeof path - 1);
    if (n > 0) path[n] = 0;
  }
  int log = open(getenv("CALLS"), O_WRONLY | O_APPEND | O_CREAT, 0600);
  int n = snprintf(line, sizeof line, "%s %s\n", call, path);
  if (write(log, line, n) != n) abort();
  close(log);
}
static void *of_libpq(const char *name) { return dlsym(dlopen("libpq.so.5", RTLD_NOW | RTLD_NOLOAD), name); }
#define WATCH(call) \
  int call(int file) { \
    note(#call, file); \
    return ((int (*)(int))dlsym(RTLD_NEXT, #call))(file); \
  }
WATCH(fsync)
WATCH(syncfs)
int PQsendQueryPrepared(void *c, const char *name, int n, const char *const *v, const int *l, const int *f, int r) {
  note("statement", -1);
  return ((int (*)(void *, const char *, int, const char *const *, const int *, const int *, int))of_libpq(
      "PQsendQueryPrepared"))(c, name, n, v, l, f, r);
}
int PQsendQuery(void *c, const char *sql) {
  if (strcmp(sql, "commit") == 0) note("commit", -1);
  return ((int (*)(void *, const char *))of_libpq("PQsendQuery"))(c, sql);
}
"""


@pytest.fixture(scope='module')
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('shim')
    (folder / 'calls.c').write_text(_SHIM)
    subprocess.run(['cc', '-shared', '-fPIC', '-o', folder / 'calls.so', folder / 'calls.c', '-ldl'], check=True)
    return folder / 'calls.so'


@pytest.fixture
def calls_of(
    shim: Path, tmp_path: Path, run_python: Callable[..., 'subprocess.CompletedProcess[str]']
) -> Callable[[str], list[list[str]]]:
    """Runs code in another process: the calls after it printed nothing yet, each with its path."""

    def run(code: str) -> list[list[str]]:
        calls = tmp_path / 'calls'
        calls.unlink(missing_ok=True)
        done = run_python(code, LD_PRELOAD=str(shim), CALLS=str(calls))
        assert done.returncode == 0, done.stderr
        return [line.split(' ', 1) for line in calls.read_text().splitlines()]

    return run


def table_with_thumbnails(directory: str) -> pxt.Table:
    t = pxt.create_table(f'{directory}.t', {'n': pxt.Int, 'image': pxt.Image})
    t.add_computed_column(small=t.image.resize((16, 16)))
    return t


def test_the_file_and_its_folders_are_on_the_disk_before_the_publish(
    directory: str, home: Path, photograph: Callable[[str], str], calls_of: Callable[[str], list[list[str]]]
) -> None:
    t = table_with_thumbnails(directory)
    image = photograph('astronaut.png')
    calls = calls_of(f"import intarsia as pxt; pxt.get_table('{directory}.t').insert([{{'n': 1, 'image': {image!r}}}])")
    [file] = [Path(url.removeprefix('file://')) for url in t.select(u=t.small.fileurl).collect()['u']]
    synced = [path for call, path in calls if call == 'fsync']
    assert set(synced) == {str(path) for path in (file, file.parent, file.parent.parent, home / 'media')}
    last_sync = max(at for at, (call, _) in enumerate(calls) if call == 'fsync')
    after = [call for call, _ in calls[last_sync + 1 :]]
    assert after.count('statement') >= 7  # begin, lock, check, rows, operation, version, commit
    assert calls.index(['fsync', str(file)]) < last_sync


def test_many_files_are_written_through_in_one_go(
    directory: str, photograph: Callable[[str], str], calls_of: Callable[[str], list[list[str]]]
) -> None:
    table_with_thumbnails(directory)
    image = photograph('astronaut.png')
    calls = calls_of(
        'import intarsia as pxt\n'
        f"pxt.get_table('{directory}.t').insert([{{'n': i, 'image': {image!r}}} for i in range(50)])"
    )
    names = [call for call, _ in calls]
    assert names.count('syncfs') == 1
    assert names.count('fsync') == 0
    assert names[names.index('syncfs') :].count('statement') >= 7


def test_each_page_of_a_fill_is_written_through_before_its_commit(
    directory: str, photograph: Callable[[str], str], calls_of: Callable[[str], list[list[str]]]
) -> None:
    t = pxt.create_table(f'{directory}.t', {'n': pxt.Int, 'image': pxt.Image})
    t.insert([{'n': i, 'image': photograph('astronaut.png')} for i in range(20)])
    calls = calls_of(
        'import intarsia as pxt\n'
        f"t = pxt.get_table('{directory}.t')\n"
        f"pxt.create_view('{directory}.v', t, additional_columns={{'small': t.image.resize((16, 16))}})"
    )
    names = [call for call, _ in calls]
    syncs = [at for at, call in enumerate(names) if call == 'syncfs']
    assert len(syncs) >= 1
    assert 'commit' in names[syncs[0] :]
    assert pxt.get_table(f'{directory}.v').count() == 20


def test_a_file_that_does_not_get_to_the_disk_ends_the_operation_with_nothing_left(
    directory: str, home: Path, photograph: Callable[[str], str]
) -> None:
    before = set((home / 'media').rglob('*.*'))
    t = table_with_thumbnails(directory)
    failures = {}
    for nth in range(1, 100):
        _native.arm_fault('fail', nth)
        try:
            t.insert([{'n': nth, 'image': photograph('astronaut.png')}])
            break
        except pxt.Error as error:
            failures[nth] = 'to the disk' in str(error)
            if failures[nth]:
                assert set((home / 'media').rglob('*.*')) == before
        finally:
            _native.arm_fault('', 0)
    assert any(failures.values())
    assert not [n for n in t.select(t.n).collect()['n'] if failures.get(n)]
