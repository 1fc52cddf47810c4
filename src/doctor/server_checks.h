// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace intarsia {

class Connection;
class Findings;

/// What only the home's own server lets us see: files whose checksums were wrong, WAL that is kept for nobody, and,
/// with PostgreSQL's amcheck, damaged tables and indexes.
void check_server(Connection& connection, Findings& findings);

}  // namespace intarsia
