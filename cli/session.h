// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "intarsia/database.h"
#include "listing.h"

namespace intarsia::cli {

/// One run of the command line: the options that every command has, the instance opened when first asked for, and
/// where answers go.
class Session {
 public:
  std::string home;    ///< empty: as the environment says
  std::string db_url;  ///< likewise
  bool as_json = false;
  int exit_code = 0;  ///< of a command that did what it was asked to

  /// Settings that were given as options.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> overrides() const;
  [[nodiscard]] Config config() const;
  [[nodiscard]] Database& database();

  void show(const Listing& listing) const;
  void show(const Record& record) const;
  void show(const std::string& line) const;
  /// A record with a table below it; JSON: the table as the record's field `name`.
  void show(const Record& record, const std::string& name, const Listing& listing) const;

 private:
  std::optional<Database> database_;
};

}  // namespace intarsia::cli
