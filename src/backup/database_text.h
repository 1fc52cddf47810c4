// SPDX-License-Identifier: Apache-2.0
// The schema `intarsia` as SQL text and its rows as PostgreSQL's COPY text, which any version from 14 on reads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/connection.h"

namespace intarsia {

/// An SQL table of the schema.
struct SqlTableText {
  std::string name;
  std::string columns;                    ///< quoted, with commas: those that COPY reads and writes
  std::vector<std::int64_t> media_cells;  ///< which of them hold paths and URLs of media, from 0
};

/// Statements that make the schema, before and after its rows are there.
struct SchemaText {
  std::vector<SqlTableText> tables;
  std::string before;
  std::string after;
};
[[nodiscard]] SchemaText read_schema(Connection& connection);

/// Statements that set the sequences to where they are.
[[nodiscard]] std::string read_sequences(Connection& connection);

/// Calls `take` with each line of the rows' COPY text; their number.
std::int64_t copy_text_out(Connection& connection, const std::string& query,
                           const std::function<void(std::string_view line)>& take);

/// Writes COPY text into a table, in pieces.
class CopyTextIn {
 public:
  CopyTextIn(Connection& connection, const SqlTableText& table);
  void add(std::string_view text);
  /// The number of rows. Throws what the server says of them.
  std::int64_t finish();

 private:
  [[noreturn]] void fail(const std::string& why) const;
  Connection& connection_;
  std::string table_;
};

/// A text as COPY escapes it.
[[nodiscard]] std::string copy_escaped(std::string_view text);

}  // namespace intarsia
