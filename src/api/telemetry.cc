// SPDX-License-Identifier: Apache-2.0
#include "intarsia/telemetry.h"

#include "exec/engine.h"
#include "intarsia/database.h"
#include "intarsia/server.h"
#include "storage/function_stats.h"

namespace intarsia {

std::vector<FunctionStats> function_stats(const Database& database) {
  const Pool::Lease connection = database.engine()->connect();
  add_function_stats(*connection);
  return read_function_stats(*connection);
}

// The server may have been stopped, and is not started again for this.
void flush_function_stats(const Database& database) noexcept {
  try {
    const Config& config = database.config();
    if (function_stats().empty() || (config.db_url.empty() && !server_status(config).running)) return;
    add_function_stats(*database.engine()->connect());
  } catch (const std::exception&) {  // statistics are no reason to fail
  }
}

}  // namespace intarsia
