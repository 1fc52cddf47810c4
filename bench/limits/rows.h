// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace intarsia::limits {

/// Rows in and out of PostgreSQL by libpq alone, in a schema `limits` that is dropped at the end. `rows`: how many go
/// in; three times as many are read, as the workloads do after their three inserts.
void measure_rows(const std::string& conninfo, std::int64_t rows);

/// Writes of 8 kB, each made durable by fdatasync as PostgreSQL does with its log, into a file in `folder`.
void measure_disk(const std::filesystem::path& folder);

}  // namespace intarsia::limits
