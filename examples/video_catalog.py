# SPDX-License-Identifier: Apache-2.0
"""A catalog of videos and photographs whose columns compute themselves. `make demo` runs it.

It stays in $INTARSIA_HOME: look at it afterwards with `intarsia ls catalog` or from another program.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import intarsia as pxt
from contact_sheet import write_contact_sheet
from editor import verdict
from intarsia.functions.video import frame_iterator
from sample_media import photograph, video

SHEET = Path('demo/contact_sheet.png')
VIDEOS = [
    {'video': video('bigbuckbunny'), 'about': {'title': 'Big Buck Bunny', 'kind': 'animation', 'tags': ['rabbit']}},
    {'video': video('carphone_pristine'), 'about': {'title': 'Carphone', 'kind': 'live', 'tags': ['face', 'car']}},
]
ONE_MORE = {'video': video('bikes'), 'about': {'title': 'Bikes', 'kind': 'live', 'tags': ['street', 'people']}}
PHOTOS = ['astronaut.png', 'chelsea.png', 'coffee.png', 'hubble_deep_field.jpg', 'retina.jpg', 'rocket.jpg']


def step(text: str) -> None:
    print(f'\n\033[1m{text}\033[0m' if sys.stdout.isatty() else f'\n{text}')


def create_catalog() -> tuple[pxt.Table, pxt.Table, pxt.Table]:
    """Tables, a view with two frames a second, and columns that compute themselves: for rows that are yet to come."""
    pxt.drop_dir('catalog', force=True, if_not_exists='ignore')
    pxt.create_dir('catalog')
    videos = pxt.create_table('catalog/videos', {'video': pxt.Video, 'about': pxt.Json})
    frames = pxt.create_view('catalog/frames', videos, iterator=frame_iterator(videos.video, fps=2))
    frames.add_computed_column(thumbnail=frames.frame.resize((160, 90)))
    frames.add_computed_column(brightness=frames.frame.brightness())
    frames.add_computed_column(sharpness=frames.frame.sharpness())
    frames.add_computed_column(verdict=verdict(frames.brightness, frames.sharpness))
    photos = pxt.create_table('catalog/photos', {'photo': pxt.Image | None, 'name': pxt.String})
    photos.add_computed_column(thumbnail=photos.photo.convert('RGB').resize((160, 90)))
    photos.add_computed_column(sharpness=photos.photo.sharpness())
    return videos, frames, photos


def fill(videos: pxt.Table, frames: pxt.Table, photos: pxt.Table) -> None:
    step(f'1. Insert {len(VIDEOS)} videos and {len(PHOTOS)} photographs')
    start = time.perf_counter()
    videos.insert(VIDEOS)
    photos.insert([{'photo': photograph(name), 'name': name} for name in PHOTOS])
    seconds = time.perf_counter() - start
    print(f'   {frames.count()} frames and {photos.count()} photographs, thumbnails and figures in {seconds:.2f} s')


def ask(frames: pxt.Table) -> None:
    step("2. Ask: the sharpest good frames of animations (a filter over the videos' JSON)")
    animated = frames.where((frames.about['kind'] == 'animation') & (frames.verdict == 'good'))
    best = animated.order_by(frames.sharpness, asc=False).limit(4)
    print(
        best.select(
            title=frames.about['title'],
            frame=frames.pos,
            seconds=frames.frame_attrs['time'],
            brightness=frames.brightness,
            sharpness=frames.sharpness,
            verdict=frames.verdict,
        ).collect()
    )


def insert_one_more(videos: pxt.Table, frames: pxt.Table) -> None:
    step('3. Insert one more video: only its frames are computed')
    before = frames.count()
    start = time.perf_counter()
    status = videos.insert([ONE_MORE])
    seconds = time.perf_counter() - start
    new = status.cascade_row_count_stats
    print(f'   {before} frames were there; {new.ins_rows} came, {new.computed_values} cells computed, {seconds:.2f} s')


def insert_broken(photos: pxt.Table) -> None:
    step('4. Insert half a photograph: a broken file is a cell with an error, and the table goes on')
    with tempfile.TemporaryDirectory() as folder:
        half = Path(folder) / 'half.jpg'
        whole = Path(photograph('rocket.jpg')).read_bytes()
        half.write_bytes(whole[:300])
        photos.insert([{'photo': str(half), 'name': 'half.jpg'}], on_error='ignore')
    broken = photos.where(photos.photo.errortype != None)  # noqa: E711
    for row in broken.select(photos.name, type=photos.photo.errortype, message=photos.photo.errormsg).collect():
        print(f'   {row["name"]}: {row["type"]}: {row["message"]}')


def show_to_another_process() -> None:
    step('5. Another process sees it all: intarsia ls catalog')
    subprocess.run([Path(sys.executable).with_name('intarsia'), 'ls', 'catalog'], check=True)


def contact_sheet(frames: pxt.Table) -> None:
    rows = frames.select(frames.thumbnail, title=frames.about['title'], time=frames.frame_attrs['time']).collect()
    every = max(1, len(rows) // 30)
    pictures = [(row['thumbnail'], f'{row["title"]} {row["time"]:.1f} s') for row in list(rows)[::every][:30]]
    write_contact_sheet(SHEET, pictures)
    step(f'Contact sheet: {SHEET.resolve()}')


def main() -> None:
    videos, frames, photos = create_catalog()
    fill(videos, frames, photos)
    ask(frames)
    insert_one_more(videos, frames)
    insert_broken(photos)
    show_to_another_process()
    contact_sheet(frames)


if __name__ == '__main__':
    main()
