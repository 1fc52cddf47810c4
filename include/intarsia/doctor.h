// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "intarsia/config.h"

namespace intarsia {

/// Something of an instance that is not as it should be.
struct Finding {
  std::string where;      ///< a file, a table with its column, an SQL table
  std::string what;       ///< "2 media files that no cell names"
  std::string cure;       ///< "remove them"
  bool mendable = false;  ///< `fix` can do it
  bool mended = false;    ///< `fix` did it
};

/// Looks at everything that can go wrong with an instance: the home's folders, files, owner and disk; the lease and
/// what servers that were killed left; whether the server starts, and its data; rows, files, operations and indexes
/// that belong to nothing, or are missing. Starts the home's server. With `fix` it mends what can be mended without
/// losing what somebody could still want. Other processes go on working meanwhile; what their running operations have
/// written is left alone. `overrides`: settings, as for Config::load. Never throws for what it finds.
[[nodiscard]] std::vector<Finding> examine(const std::vector<std::pair<std::string, std::string>>& overrides,
                                           bool fix = false);

}  // namespace intarsia
