// SPDX-License-Identifier: Apache-2.0
// What a file system has in memory is lost with the power. These wait until it is on the disk; each is a fault point.
#pragma once

#include <filesystem>

namespace intarsia {

/// A file's content, or the names in a folder. Throws Error(kStoreUnavailable).
void write_through(const std::filesystem::path& path);
/// Everything of the file system that the folder lies in, in one go. Throws Error(kStoreUnavailable).
void write_through_file_system(const std::filesystem::path& folder);

}  // namespace intarsia
