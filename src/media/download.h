// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

namespace intarsia {

/// Where downloaded files are kept, for the whole process; by default a folder for this user under the system's
/// temporary folder.
void set_file_cache(const std::filesystem::path& folder);
[[nodiscard]] std::filesystem::path file_cache();

/// The file cache's copy of an http(s):// URL, fetched when it is not there. Several threads and processes may ask at
/// once. Throws Error: kPathNotFound (404, 410), kProviderError (retriable when the server may recover),
/// kUnsupportedOperation for other schemes.
[[nodiscard]] std::filesystem::path download(std::string_view url);

}  // namespace intarsia
