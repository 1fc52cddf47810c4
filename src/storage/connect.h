// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

struct pg_conn;

namespace intarsia {

/// Opens a session with a server that the engine can work with: PostgreSQL 14 or later, UTF-8, taking writes. Of
/// several hosts the one that takes writes is chosen. The caller ends it with PQfinish. Throws Error that names host,
/// database and user and never the password. It is retriable when the server may come back or take more sessions;
/// kInvalidState, retriable: the server is a standby, which may be promoted.
[[nodiscard]] pg_conn* connect(const std::string& conninfo);

}  // namespace intarsia
