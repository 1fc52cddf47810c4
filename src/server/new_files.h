// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace intarsia {

struct RunAs;

/// Puts a copy in the place of home/pgdata and removes what was there. A server that was paused, and wakes after its
/// lease was taken over, then writes to files that nobody reads: those that it has open, in the folder that it works
/// in. What pg_wal or a tablespace links to stays what it is. Throws Error(kDatabaseUnavailable) when there is no room
/// for the copy, or the other server goes on writing. Requires: the lease is ours.
void give_new_files(const std::filesystem::path& home, const RunAs& user);

/// Puts back what an interrupted give_new_files had moved away.
void finish_new_files(const std::filesystem::path& home);

}  // namespace intarsia
