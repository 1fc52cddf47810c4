# SPDX-License-Identifier: Apache-2.0
"""Frame views: which frames, what they show, and what a new video costs. ffprobe and ffmpeg know the right answer."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import intarsia as pxt
from intarsia import ErrorCode, exceptions
from intarsia.functions.video import frame_iterator

pytestmark = pytest.mark.skipif(shutil.which('ffprobe') is None, reason='ffprobe is not installed')

FFPROBE = ['ffprobe', '-v', 'error', '-select_streams', 'v:0', '-show_entries']
NAMES = ['bigbuckbunny', 'bikes', 'carphone_pristine']


def probed_times(path: str) -> list[float]:
    words = [*FFPROBE, 'frame=best_effort_timestamp_time']
    answer = subprocess.run([*words, '-of', 'json', path], capture_output=True, text=True, check=True)
    return [float(frame['best_effort_timestamp_time']) for frame in json.loads(answer.stdout)['frames']]


def decoded(path: str, index: int) -> np.ndarray[Any, Any]:
    words = [
        'ffprobe',
        '-v',
        'error',
        '-select_streams',
        'v:0',
        '-show_entries',
        'stream=width,height',
        '-of',
        'csv=p=0',
    ]
    answer = subprocess.run([*words, path], capture_output=True, text=True, check=True)
    width, height = (int(number) for number in answer.stdout.strip().split(',')[:2])
    words = [
        'ffmpeg',
        '-v',
        'error',
        '-i',
        path,
        '-vf',
        f'select=eq(n\\,{index})',
        '-frames:v',
        '1',
        '-pix_fmt',
        'rgb24',
    ]
    raw = subprocess.run([*words, '-f', 'rawvideo', '-'], capture_output=True, check=True).stdout
    return np.frombuffer(raw, 'uint8').reshape(height, width, 3)


@pytest.fixture
def videos(directory: str) -> pxt.Table:
    return pxt.create_table(f'{directory}.videos', {'video': pxt.Video, 'k': pxt.Int | None})


@pytest.mark.parametrize('name', NAMES)
def test_every_frame_is_there_at_its_time(
    videos: pxt.Table, directory: str, video: Callable[[str], str], name: str
) -> None:
    videos.insert(video=video(name))
    frames = pxt.create_view(f'{directory}.frames', videos, iterator=frame_iterator(videos.video))
    times = probed_times(video(name))
    rows = frames.select(frames.pos, frames.frame_attrs).collect()
    assert rows['pos'] == list(range(len(times)))
    assert [attrs['index'] for attrs in rows['frame_attrs']] == list(range(len(times)))
    assert [attrs['time'] for attrs in rows['frame_attrs']] == pytest.approx(times, abs=1e-4)


def test_frames_show_what_ffmpeg_decodes(videos: pxt.Table, directory: str, video: Callable[[str], str]) -> None:
    path = video('bikes')
    videos.insert(video=path)
    frames = pxt.create_view(f'{directory}.frames', videos, iterator=frame_iterator(videos.video, fps=1))
    for row in frames.select(frames.frame, frames.frame_attrs).limit(4).collect():
        want = decoded(path, row['frame_attrs']['index']).astype(int)
        assert np.abs(np.asarray(row['frame']).astype(int) - want).mean() < 2.0


@pytest.mark.parametrize(
    ('arguments', 'indexes'),
    [
        ({'fps': 1}, {'bigbuckbunny': [0, 25, 50, 75, 100, 125]}),
        ({'num_frames': 3}, {'bigbuckbunny': [22, 66, 110], 'bikes': [42, 125, 208]}),
        ({'keyframes_only': True}, {'bikes': [0, 30, 76, 137, 187, 242]}),
        ({'fps': 0.5}, {'bigbuckbunny': [0, 50, 100], 'bikes': [0, 50, 100, 150, 200]}),
    ],
)
def test_frames_are_chosen_as_users_of_the_peer_expect(
    videos: pxt.Table,
    directory: str,
    video: Callable[[str], str],
    arguments: dict[str, Any],
    indexes: dict[str, list[int]],
) -> None:
    for name, want in indexes.items():
        t = pxt.create_table(f'{directory}.{name}', {'video': pxt.Video})
        t.insert(video=video(name))
        frames = pxt.create_view(f'{directory}.of_{name}', t, iterator=frame_iterator(t.video, **arguments))
        got = [attrs['index'] for attrs in frames.select(frames.frame_attrs).collect()['frame_attrs']]
        assert got == want, name


def test_a_new_video_fills_its_own_frames_only(videos: pxt.Table, directory: str, video: Callable[[str], str]) -> None:
    videos.insert(video=video('bigbuckbunny'))
    frames = pxt.create_view(f'{directory}.frames', videos, iterator=frame_iterator(videos.video, fps=1))
    status = frames.add_computed_column(small=frames.frame.resize((64, 36)))
    assert status.num_rows == 6
    status = videos.insert(video=video('bikes'), k=2)
    assert status.cascade_row_count_stats.ins_rows == 10
    assert status.cascade_row_count_stats.computed_values == 10
    rows = frames.where(frames.k == 2).select(frames.small, frames.pos, frames.small.fileurl).collect()
    assert rows['pos'] == list(range(10))
    assert {image.size for image in rows['small']} == {(64, 36)}
    assert all(url.startswith('file://') for url in rows['small_fileurl'])


def test_the_view_describes_itself(videos: pxt.Table, directory: str) -> None:
    frames = pxt.create_view(f'{directory}.frames', videos, iterator=frame_iterator(videos.video, fps=1))
    assert frames.columns() == ['pos', 'frame', 'frame_attrs', 'video', 'k']
    assert 'frame_iterator' in repr(frames)
    assert frames.get_metadata()['iterator_call'] == 'frame_iterator(video, fps=1)'
    with pytest.raises(exceptions.RequestError, match='frames'):
        frames.insert(pos=1)


@pytest.mark.parametrize(
    'arguments', [{'fps': 1, 'num_frames': 3}, {'fps': -1}, {'fps': 0}, {'num_frames': 0}, {'fps': 'x'}, {'nosuch': 1}]
)
def test_bad_arguments_are_refused(videos: pxt.Table, directory: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(exceptions.RequestError):
        pxt.create_view(f'{directory}.frames', videos, iterator=frame_iterator(videos.video, **arguments))
    assert pxt.get_table(f'{directory}.frames', if_not_exists='ignore') is None


def test_a_file_that_is_no_video_is_refused_or_an_error_cell(
    videos: pxt.Table, directory: str, video: Callable[[str], str], tmp_path: Path
) -> None:
    fake = tmp_path / 'fake.mp4'
    fake.write_bytes(b'this is no video' * 100)
    with pytest.raises(exceptions.Error, match=r'nope\.mp4'):
        videos.insert(video='/nope.mp4')
    with pytest.raises(exceptions.Error, match=r'fake\.mp4') as caught:
        videos.insert([{'video': video('bikes')}, {'video': str(fake)}])
    assert caught.value.error_code is ErrorCode.INVALID_DATA_FORMAT
    assert videos.count() == 0
    frames = pxt.create_view(f'{directory}.frames', videos, iterator=frame_iterator(videos.video, fps=1))
    status = videos.insert([{'video': video('bikes')}, {'video': str(fake)}], on_error='ignore')
    assert status.row_count_stats.num_excs == 1
    assert frames.count() == 10


def test_videos_come_back_as_local_paths(videos: pxt.Table, video: Callable[[str], str]) -> None:
    path = video('bikes')
    videos.insert([{'video': path}, {'video': Path(path).read_bytes()}])
    first, second = videos.collect()['video']
    assert first == path
    assert Path(second).read_bytes() == Path(path).read_bytes()
