// SPDX-License-Identifier: Apache-2.0
// Paths as users write them ("a.b.c", "a/b/c") and what lies at them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "intarsia/error.h"
#include "storage/connection.h"

namespace intarsia {

/// "a/b/c" of "a.b.c" or "a/b/c"; "" is the root, which only a `root_allowed` call takes. Throws Error(kInvalidPath).
[[nodiscard]] std::string parse_path(std::string_view text, bool root_allowed = false);
/// "c" of "a/b/c".
[[nodiscard]] std::string name_of(const std::string& path);

/// What lies at a path.
struct PathEntry {
  std::string path;
  std::string kind;               ///< "dir", "table", "view"; empty: nothing
  std::int64_t id = 0;            ///< of the directory, table or view
  std::int64_t parent_id = 0;     ///< of the directory that holds it, or would
  std::int64_t tree_id = 0;       ///< of a table or view
  bool filling = false;           ///< a view that is being created
  std::string missing_directory;  ///< the first directory above that is not there, or empty
  std::int64_t deepest_id = 0;    ///< of the last directory on the way that is there
  int depth = 0;                  ///< how many directories on the way are there

  [[nodiscard]] bool exists() const { return !kind.empty(); }
  [[nodiscard]] bool is_directory() const { return kind == "dir"; }
  [[nodiscard]] bool is_table() const { return exists() && !is_directory(); }
  /// "an existing table", for messages.
  [[nodiscard]] std::string what() const { return kind == "dir" ? "an existing directory" : "an existing " + kind; }
};

/// One round trip.
[[nodiscard]] PathEntry find_path(Connection& connection, const std::string& path);

/// Throws Error(kDirectoryNotFound) unless all directories above it are there.
void require_parent(const std::string& described, const PathEntry& entry);
/// Throws what fits when no table or view that is ready lies there: kDirectoryNotFound, kPathNotFound,
/// kInvalidArgument (a directory).
void require_table(const std::string& described, const PathEntry& entry);

}  // namespace intarsia
