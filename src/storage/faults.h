// SPDX-License-Identifier: Apache-2.0
// The points that intarsia/testing.h speaks of.
#pragma once

struct pg_conn;

namespace intarsia {

/// A message to the server is about to be sent, or was answered.
void pass_sql_point(pg_conn* session);
/// A file is about to be written, or was; false: it fails.
[[nodiscard]] bool pass_file_point();

}  // namespace intarsia
