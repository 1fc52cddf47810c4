// SPDX-License-Identifier: Apache-2.0
// What is left of processes that died: fills go on, everything else goes away.
#pragma once

#include <cstdint>

#include "exec/engine.h"

namespace intarsia {

/// Takes up the fills of a table's columns that nobody works on, if their functions are there; the number of columns
/// that are done now.
std::int64_t resume_columns(Engine& engine, std::int64_t table_id);
/// The same for all tables, and for views.
std::int64_t resume_fills(Engine& engine);
/// Removes the media files and the announcements of operations that died and are no fills; the number of those.
std::int64_t discard_dead(Engine& engine);

}  // namespace intarsia
