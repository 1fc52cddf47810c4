# SPDX-License-Identifier: Apache-2.0
"""What a user does with an instance, in a process of its own: on any PostgreSQL the same comes out.

python workload_on_a_server.py VIDEO PHOTOGRAPH
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import PIL.Image

import intarsia as pxt
import udfs_of_tests as udfs
from intarsia.functions.video import frame_iterator

MANY = 10_500


def values(query: Any) -> list[Any]:
    return [next(iter(row.values())) for row in query.collect()]


def change_rows(photograph: str) -> pxt.Table:
    t = pxt.create_table('work.t', {'id': pxt.Int, 'text': pxt.String, 'info': pxt.Json | None})
    t.insert([{'id': i, 'text': f'text {i}', 'info': {'even': i % 2 == 0}} for i in range(6)])
    t.add_computed_column(twice=t.id * 2)
    t.add_computed_column(loud=udfs.shout(t.text))
    v = pxt.create_view('work.v', t.where(t.id % 2 == 0), additional_columns={'more': t.twice + 1})
    t.update({'id': t.id + 10}, where=t.id >= 4)
    t.delete(t.id == 1)
    assert values(t.order_by(t.id).select(t.twice)) == [0, 4, 6, 28, 30]
    assert values(t.order_by(t.text, asc=False).select(t.loud))[0] == 'TEXT 5!'
    assert values(v.order_by(v.id).select(v.more)) == [1, 5, 29]
    assert t.where(t.info.even == True).count() == 3  # noqa: E712
    assert [version['version'] for version in t.get_versions()] == [5, 4, 3, 2, 1, 0]
    assert len(t.history()) == 6
    return t


def media(video: str, photograph: str) -> None:
    videos = pxt.create_table('work.videos', {'video': pxt.Video})
    frames = pxt.create_view('work.frames', videos, iterator=frame_iterator(videos.video, fps=1))
    frames.add_computed_column(small=frames.frame.resize((32, 18)))
    videos.insert([{'video': video}])
    assert frames.count() == 5
    assert {image.size for image in values(frames.select(frames.small))} == {(32, 18)}
    pictures = pxt.create_table('work.pictures', {'image': pxt.Image | None})
    status = pictures.insert([{'image': photograph}, {'image': PIL.Image.new('RGB', (9, 9))}])
    assert status.num_excs == 0
    files = [path for path in (pxt.home() / 'media').rglob('*') if path.is_file()]
    assert len(files) == 5 + 1, files


def kept_results() -> None:
    calls = Path(os.environ['INTARSIA_TEST_CALLS'])
    t = pxt.create_table('work.paid', {'id': pxt.Int})
    t.insert([{'id': i} for i in range(20)])
    t.add_computed_column(a=udfs.paid(t.id))
    t.add_computed_column(b=udfs.paid(t.id))
    assert sorted(map(int, calls.read_text().split())) == list(range(20))
    assert t.where(t.a == t.b).count() == 20
    kept = pxt.kept_results()  # of others too, where a call of theirs took long
    assert list(kept[kept['function'].str.endswith('paid')]['results']) == [20]


def two_processes() -> None:
    t = pxt.get_table('work.t')
    before = t.count()
    code = "import intarsia as pxt\nt = pxt.get_table('work.t')\nfor i in range(20): t.insert([{'id': i, 'text': 'x'}])"
    other = subprocess.Popen([sys.executable, '-c', code])
    for i in range(20):
        t.insert([{'id': i, 'text': 'y'}])
    assert other.wait() == 0
    assert t.count() == before + 40
    assert t.where(t.twice != t.id * 2).count() == 0


def killed_fill() -> None:
    """A column on many rows is a family of its own; its fill goes on after a crash."""
    t = pxt.create_table('work.many', {'id': pxt.Int})
    t.insert([{'id': i} for i in range(MANY)])
    code = (
        "import intarsia as pxt, udfs_of_tests as udfs\nt = pxt.get_table('work.many')\n"
        't.add_computed_column(d=udfs.slow_double(t.id))'
    )
    filler = subprocess.Popen([sys.executable, '-c', code])
    while not any(operation['kind'] == 'add_column' for operation in pxt.operations()):
        time.sleep(0.02)
    time.sleep(0.5)
    filler.send_signal(signal.SIGKILL)
    filler.wait()
    pxt.discard_dead()
    pxt.resume()
    t = pxt.get_table('work.many')
    assert t.where(t.d == t.id * 2).count() == MANY
    t.add_computed_column(e=t.d + 1)
    assert t.where(t.e == t.id * 2 + 1).count() == MANY
    assert pxt.operations() == []


def main() -> None:
    video, photograph = sys.argv[1:3]
    pxt.create_dir('work')
    change_rows(photograph)
    media(video, photograph)
    kept_results()
    two_processes()
    killed_fill()
    pxt.drop_table('work.v')
    pxt.drop_dir('work', force=True)
    assert pxt.list_tables() == []
    assert not [path for path in (pxt.home() / 'media').rglob('*') if path.is_file()]


if __name__ == '__main__':
    main()
