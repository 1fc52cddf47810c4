// SPDX-License-Identifier: Apache-2.0
// PostgreSQL's binary formats: of a field (COPY, parameters, results), of an array, and the types that store ours.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "intarsia/batch.h"

namespace intarsia::wire {

/// The PostgreSQL type that stores cells of `type`: its OID, that of its array, its name in SQL.
[[nodiscard]] std::uint32_t oid(const Type& type);
[[nodiscard]] std::uint32_t array_oid(const Type& type);
[[nodiscard]] std::string_view sql_type(const Type& type);

/// Appends a cell without its length. Requires: not null.
void append_payload(const Column& column, std::int64_t row, std::string& out);
/// Appends a cell as COPY has it: length, payload; -1 for null.
void append_field(const Column& column, std::int64_t row, std::string& out);
void append_int_field(std::int64_t value, std::string& out);
/// Starts a tuple of a COPY.
void append_field_count(int fields, std::string& out);

[[nodiscard]] std::string array_payload(const Column& column);
[[nodiscard]] std::string array_payload(std::span<const std::int64_t> values);

/// Appends what PostgreSQL sent to the builder of that type.
void read_field(std::string_view payload, ColumnBuilder& out);
[[nodiscard]] std::int64_t read_int(std::string_view payload);

/// Walks the fields of one COPY tuple.
class TupleReader {
 public:
  explicit TupleReader(std::string_view tuple);
  /// The next field's payload, or null.
  bool next(std::string_view& payload);

 private:
  std::string_view rest_;
};

}  // namespace intarsia::wire
