// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "figure.h"
#include "rows.h"

namespace intarsia::limits {
namespace {

constexpr std::size_t kPage = 8192;
constexpr std::int64_t kFlushes = 200;

void check(bool succeeded, const char* operation) {
  if (!succeeded) throw std::system_error(errno, std::generic_category(), operation);
}

/// PostgreSQL writes its log into files that have their size already, so that a flush changes no metadata.
void allocate(int file) {
  const std::string zeros(kPage * kFlushes, '\0');
  check(pwrite(file, zeros.data(), zeros.size(), 0) == static_cast<ssize_t>(zeros.size()), "write");
  check(fsync(file) == 0, "fsync");
}

std::int64_t flush_pages(int file) {
  const std::string page(kPage, 'x');
  for (std::int64_t i = 0; i < kFlushes; ++i) {
    check(pwrite(file, page.data(), page.size(), i * static_cast<std::int64_t>(kPage)) == kPage, "write");
    check(fdatasync(file) == 0, "fdatasync");
  }
  return kFlushes;
}

}  // namespace

void measure_disk(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "flush";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  check(file >= 0, path.c_str());
  measure(
      "disk flush", [&] { return flush_pages(file); }, [&] { allocate(file); });
  close(file);
  std::filesystem::remove(path);
}

}  // namespace intarsia::limits
