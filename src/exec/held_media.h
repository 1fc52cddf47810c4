// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "intarsia/batch.h"

namespace intarsia {

/// Some cell of `cells` holds an image or bytes that are in no file.
[[nodiscard]] bool holds_media(const Column& cells);
/// What such cells hold, as Binary: pixels as they are, so that nothing is lost. Null for the others.
[[nodiscard]] Column held_media(const Column& cells);
/// `cells` with what held_media() gave.
[[nodiscard]] Column with_held_media(const Column& cells, const Column& held);

}  // namespace intarsia
