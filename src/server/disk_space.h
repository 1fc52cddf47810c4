// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

namespace intarsia {

/// Bytes of the disk that a folder lies on; 0: there is none that can be seen.
[[nodiscard]] std::int64_t total_bytes(const std::filesystem::path& folder);
/// Bytes that this user may still write there. A file system that does not tell its size counts as large.
[[nodiscard]] std::int64_t free_bytes(const std::filesystem::path& folder);

}  // namespace intarsia
