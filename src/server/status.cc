// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <filesystem>

#include "intarsia/server.h"
#include "server/home.h"
#include "server/server.h"

namespace intarsia {

ServerStatus server_status(const Config& config) {
  ServerStatus status;
  status.external = !config.db_url.empty();
  if (status.external || !server_running(config)) return status;
  const auto state = read_server_state(config.home);
  std::error_code gone;  // the server may end while we look
  const auto since = std::filesystem::last_write_time(config.home / "server.json", gone);
  if (!state || gone) return status;
  const std::chrono::duration<double> up = std::filesystem::file_time_type::clock::now() - since;
  return {false, true, state->pid, up.count()};
}

}  // namespace intarsia
