// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cell.h"

namespace intarsia::cli {

/// What a command answers: rows under named columns, or one record of named cells.
struct Listing {
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;
  std::string when_empty = "nothing";  ///< shown in place of a table without rows

  /// Lines of a table no wider than `width` (0: as wide as it gets); numbers to the right; wide columns are cut first.
  [[nodiscard]] std::string text(int width) const;
  /// A list with one object per row.
  [[nodiscard]] nlohmann::ordered_json json() const;
};

/// Named values, one to a line.
struct Record {
  std::vector<std::pair<std::string, Cell>> fields;

  /// Leaves empty fields out.
  [[nodiscard]] std::string text(int width) const;
  [[nodiscard]] nlohmann::ordered_json json() const;
};

/// Columns of the terminal that stdout is, else of $COLUMNS, else 0.
[[nodiscard]] int terminal_width();

}  // namespace intarsia::cli
