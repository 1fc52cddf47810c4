# SPDX-License-Identifier: Apache-2.0
"""What an editor says of a frame. A UDF lives in a module, so that other processes find it again by its path."""

import intarsia as pxt


@pxt.udf
def verdict(brightness: float, sharpness: float) -> str:
    """'dark', 'soft' or 'good'."""
    if brightness < DARK:
        return 'dark'
    return 'soft' if sharpness < SOFT else 'good'


DARK = 60.0
SOFT = 20.0
