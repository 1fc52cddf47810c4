// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "intarsia/server.h"  // stop_server

namespace intarsia {

/// Returns a libpq connection string for the instance: the database `intarsia` of the home's own server, which is
/// started if it does not run, or `config.db_url` if there is one. Creates the home on first use. Takes microseconds
/// when the server runs, about 0.1 s when it must be started, about 1 s on first use; waits for a crashed server's
/// recovery.
///
/// The server may end (idleness, a crash) between this call and the connection: on a failed connection, call again,
/// which waits for the old server's end and starts a new one.
///
/// Throws Error: kDatabaseUnavailable with the end of the log, kInvalidConfiguration for a home of a newer format,
/// kStoreUnavailable for a home that cannot be written. Safe from several threads and processes at once.
[[nodiscard]] std::string ensure_server(const Config& config);

/// Whether the home's own server runs now; never starts it.
[[nodiscard]] bool server_running(const Config& config);

}  // namespace intarsia
