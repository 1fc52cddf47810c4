// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "intarsia/config.h"

namespace intarsia {

class Database;

/// What a bundle holds.
struct BackupInfo {
  std::filesystem::path path;
  std::int64_t bytes = 0;   ///< of the bundle
  std::int64_t tables = 0;  ///< tables and views
  std::int64_t rows = 0;    ///< entries of all SQL tables, history included
  std::int64_t files = 0;   ///< media files
};

/// Writes everything that was published by now, and unfinished fills of columns and views, into one file: rows,
/// history, media files of the home, config.toml without what is secret. Others read and write meanwhile; tables that
/// they drop stay in the way until the end. A file that a cell names outside of the home is not in it. `path` may be a
/// folder: the file gets a name with the time. Throws Error: kPathAlreadyExists, kStoreUnavailable; the file is there
/// whole or not at all.
BackupInfo write_backup(Database& database, const std::filesystem::path& path);

/// Makes an instance of a bundle, in an empty home or, with `config.db_url`, in a database without one. Media cells
/// that named files of the old home name those of the new one. Throws Error: kPathNotFound, kInvalidDataFormat (no
/// bundle, or damaged: checked before anything is written), kPathAlreadyExists (there is an instance already),
/// kInvalidConfiguration (the bundle is of a newer version).
BackupInfo restore_backup(const Config& config, const std::filesystem::path& path);

}  // namespace intarsia
