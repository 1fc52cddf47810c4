// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "server/home.h"

namespace intarsia {

/// Takes home/owner.lock, which every process of a server holds. Waits for the end of a server that is ending, and ends
/// what a killed one left behind. nullopt when there is a server that runs and is to be used.
/// Throws Error(kDatabaseUnavailable) when what holds the lock does not end.
[[nodiscard]] std::optional<FileLock> take_ownership(const std::filesystem::path& home);

}  // namespace intarsia
