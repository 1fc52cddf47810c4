// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "intarsia/batch.h"

struct pg_conn;
struct pg_result;

namespace intarsia {

/// Rows that a statement returned, all in memory, in binary format.
class SqlRows {
 public:
  explicit SqlRows(pg_result* result) : result_(result) {}
  SqlRows(SqlRows&& other) noexcept : result_(std::exchange(other.result_, nullptr)) {}
  SqlRows& operator=(SqlRows&& other) noexcept;
  ~SqlRows();

  [[nodiscard]] int size() const;
  [[nodiscard]] int num_columns() const;
  [[nodiscard]] bool is_null(int row, int column) const;
  /// The bytes that PostgreSQL sent.
  [[nodiscard]] std::string_view bytes(int row, int column) const;
  [[nodiscard]] std::int64_t int_at(int row, int column) const;
  [[nodiscard]] std::string text_at(int row, int column) const { return std::string(bytes(row, column)); }
  [[nodiscard]] std::int64_t affected() const;

 private:
  pg_result* result_;
};

/// Parameters of a statement, in PostgreSQL's binary format.
class SqlParameters {
 public:
  SqlParameters& add(std::int64_t value);
  SqlParameters& add(double value);
  SqlParameters& add(bool value);
  SqlParameters& add(std::string_view text);  ///< text, or any type by its text when the SQL casts it
  SqlParameters& add_jsonb(std::string_view json);
  SqlParameters& add_null(std::uint32_t type);
  /// A cell under the type that stores it.
  SqlParameters& add(const Type& type, const Value& value);
  /// The rows of a column as one PostgreSQL array.
  SqlParameters& add_array(const Column& column);
  /// A bigint[] of these.
  SqlParameters& add_array(std::span<const std::int64_t> values);
  [[nodiscard]] int size() const { return static_cast<int>(types_.size()); }

 private:
  friend class Connection;
  std::vector<std::uint32_t> types_;
  std::vector<std::string> values_;
  std::vector<bool> nulls_;
};

/// One statement of a pipeline.
struct Statement {
  std::string sql;
  SqlParameters parameters = {};
};

/// One PostgreSQL session. Not thread-safe. Statements with parameters are prepared once per session and text.
/// Every failure is an Error: kDatabaseUnavailable (retriable) for a lost connection, kSerializationFailure (retriable)
/// for 40001 and 40P01, StaleSchema and RowsTouched for our own checks; otherwise kInternal with PostgreSQL's message
/// as detail.
class Connection {
 public:
  explicit Connection(const std::string& conninfo);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  SqlRows query(const std::string& sql, const SqlParameters& parameters = {});
  /// Calls `visit` with one row after the other, so that no more of them than the socket's buffer is in memory.
  void for_each_row(const std::string& sql, const SqlParameters& parameters,
                    const std::function<void(const SqlRows& row)>& visit);
  /// Several statements without parameters, separated by semicolons.
  void run(const std::string& sql);
  /// Sends all statements in one go and waits once. The first failure is thrown; what follows it is not executed.
  std::vector<SqlRows> pipeline(const std::vector<Statement>& statements);

  /// COPY ... FROM STDIN (FORMAT binary): `data` holds whole tuples, header and trailer are added here.
  void copy_in(const std::string& sql, const std::function<bool(std::string& data)>& next);
  [[nodiscard]] bool healthy() const;
  /// Rolls back what a failure has left open; of a lost session the server does it.
  void end_transaction();
  /// The server has not hung up on an idle session, as far as this side has heard.
  [[nodiscard]] bool still_there();
  [[nodiscard]] pg_conn* native() { return connection_; }
  [[nodiscard]] int server_version() const;
  /// Opened by this process, and not by one that it was forked from: of those, a child has only the memory.
  [[nodiscard]] bool is_own() const;

 private:
  friend class CopyOut;
  void limit_prepared();
  static std::string prepared_key(const std::string& sql, const SqlParameters& parameters);
  const std::string& prepare(const std::string& sql, const SqlParameters& parameters);
  /// Whether to prepare again: "cached plan must not change result type".
  bool is_outdated(const pg_result* result, const std::string& sql, const SqlParameters& parameters);
  [[noreturn]] void fail(const pg_result* result, std::string_view sql) const;
  void drain();

  pg_conn* connection_ = nullptr;
  int process_ = 0;
  std::unordered_map<std::string, std::string> prepared_;
  std::int64_t next_statement_ = 0;
};

/// A running COPY (...) TO STDOUT (FORMAT binary). The connection serves nothing else until it goes away; going away
/// early cancels it.
class CopyOut {
 public:
  CopyOut(Connection& connection, const std::string& sql);
  ~CopyOut();
  CopyOut(const CopyOut&) = delete;
  CopyOut& operator=(const CopyOut&) = delete;

  /// The next tuple, for wire::TupleReader; valid until the next call. False at the end.
  bool next(std::string_view& tuple);

 private:
  void cancel() noexcept;

  Connection& connection_;
  std::string sql_;
  char* buffer_ = nullptr;
  bool first_ = true;
  bool done_ = false;
};

/// The catalog moved since the plan was made: reload and plan again.
class StaleSchema : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return "the schema changed"; }
};

/// Rows that an operation wants to change were changed since it read them.
class RowsTouched : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return "rows were changed meanwhile"; }
};

/// Throws what an operation gives that goes on in a forked child of the process that began it.
[[noreturn]] void fail_in_child(int parent);

/// "name" for use in SQL text, quoted where needed.
[[nodiscard]] std::string quote_identifier(std::string_view name);
/// 'text' for use in SQL text.
[[nodiscard]] std::string quote_literal(std::string_view text);

}  // namespace intarsia
