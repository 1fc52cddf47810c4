// SPDX-License-Identifier: Apache-2.0
#include "media/load.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "intarsia/error.h"
#include "media/download.h"
#include "storage/durable_files.h"
#include "storage/faults.h"

namespace intarsia {
namespace {

constexpr std::string_view kFileScheme = "file://";

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    decoded += low >= 0 ? static_cast<char>(high << 4 | low) : text[i];
    if (low >= 0) i += 2;
  }
  return decoded;
}

}  // namespace

bool is_local_url(std::string_view url) noexcept {
  return url.starts_with(kFileScheme) || url.find("://") == std::string_view::npos;
}

std::filesystem::path path_of_local_url(std::string_view url) {
  if (!url.starts_with(kFileScheme)) return std::string(url);
  std::string_view rest = url.substr(kFileScheme.size());
  if (rest.starts_with("localhost/")) rest.remove_prefix(std::string_view("localhost").size());
  return percent_decoded(rest);
}

std::filesystem::path local_media_path(std::string_view url) {
  if (!is_local_url(url)) return download(url);
  std::filesystem::path path = path_of_local_url(url);
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored))
    throw Error(ErrorCode::kPathNotFound, "file not found: " + path.string());
  return path;
}

std::string load_media_bytes(std::string_view url) {
  return read_file(local_media_path(url));
}

std::string read_file(const std::filesystem::path& path) {
  const File file(std::fopen(path.c_str(), "rb"));
  std::error_code failure;
  const auto size = std::filesystem::file_size(path, failure);
  if (!file || failure) throw Error(ErrorCode::kPathNotFound, "file not found: " + path.string());
  std::string bytes(size, '\0');
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
  return bytes;
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  const bool may_work = pass_file_point();
  File file(std::fopen(path.c_str(), "wb"));
  std::error_code failure;
  if (!file && errno == ENOENT) {
    std::filesystem::create_directories(path.parent_path(), failure);
    file.reset(std::fopen(path.c_str(), "wb"));
  }
  const bool opened = file != nullptr;
  bool written = opened && std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
  if (opened) written = std::fclose(file.release()) == 0 && written && may_work && pass_file_point();
  if (written) return;
  const std::string why = std::generic_category().message(errno);
  if (opened) std::filesystem::remove(path, failure);
  throw Error(ErrorCode::kStoreUnavailable, "cannot write " + path.string() + ": " + why);
}

void replace_file(const std::filesystem::path& path, std::string_view bytes) {
  static std::atomic<std::uint64_t> serial{0};
  const std::filesystem::path part = path.string() + "." + std::to_string(getpid()) + "." + std::to_string(serial++);
  write_file(part, bytes);
  write_through(part);  // else a power cut may leave the new name with no content
  std::error_code failure;
  std::filesystem::rename(part, path, failure);
  if (!failure) return;
  std::filesystem::remove(part, failure);
  throw Error(ErrorCode::kStoreUnavailable, "cannot write " + path.string());
}

}  // namespace intarsia
