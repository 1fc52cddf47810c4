// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace intarsia {

/// The bytes of the file that a media URL names: a local path, file://, http(s)://. Throws Error(kPathNotFound) when
/// there is none, Error(kProviderError) when a server fails.
[[nodiscard]] std::string load_media_bytes(std::string_view url);
/// A local file with those bytes: the path itself, or the file cache's copy. Throws as load_media_bytes.
[[nodiscard]] std::filesystem::path local_media_path(std::string_view url);
/// The URL names a local file: it has no scheme, or file://.
[[nodiscard]] bool is_local_url(std::string_view url) noexcept;
/// The path of a local URL. Requires: is_local_url(url).
[[nodiscard]] std::filesystem::path path_of_local_url(std::string_view url);
/// The whole file. Throws Error(kPathNotFound).
[[nodiscard]] std::string read_file(const std::filesystem::path& path);
/// Writes a new file that nobody looks for yet, and its folders. A crash may leave a part of it. Throws
/// Error(kStoreUnavailable), which leaves none.
void write_file(const std::filesystem::path& path, std::string_view bytes);
/// Writes a file that others may look for meanwhile: it is there whole or not at all. Throws as write_file.
void replace_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace intarsia
