// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

struct pg_conn;

namespace intarsia::limits {

/// One PostgreSQL session by libpq alone. Every failure is a std::runtime_error with PostgreSQL's message.
class Session {
 public:
  explicit Session(const std::string& conninfo);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Statements separated by semicolons; returns the number of rows of the last.
  std::int64_t run(const std::string& sql);
  /// COPY ... FROM STDIN: `next` gives the data piece by piece, and an empty piece at the end.
  void copy_in(const std::string& sql, const std::function<std::string_view()>& next);
  /// COPY ... TO STDOUT (FORMAT binary): `visit` sees each message, a tuple (the first with the format's header).
  void copy_out(const std::string& sql, const std::function<void(std::string_view)>& visit);
  [[nodiscard]] pg_conn* native() const { return connection_; }

 private:
  [[noreturn]] void fail(const std::string& sql) const;

  pg_conn* connection_;
};

}  // namespace intarsia::limits
