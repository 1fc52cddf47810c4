// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/span.h"

namespace intarsia {

struct Statement;

/// Statements that take longer are logged, with their text and without values. For all sessions of this process: the
/// latest counts; 0: none.
void set_slow_sql(std::chrono::milliseconds limit);

/// Of one statement or one pipeline, from before it is sent until it was answered: a span, and a line of the log when
/// it is slow.
class StatementWatch {
 public:
  explicit StatementWatch(std::string_view sql);
  explicit StatementWatch(const std::vector<Statement>& statements);
  ~StatementWatch();
  StatementWatch(const StatementWatch&) = delete;
  StatementWatch& operator=(const StatementWatch&) = delete;

  /// The innermost of this thread, if there is one.
  static void failed(const std::string& sqlstate);

 private:
  [[nodiscard]] std::string text() const;
  void describe();

  Span span_;
  std::string_view sql_;
  const std::vector<Statement>* statements_ = nullptr;  // null: `sql_` alone
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  StatementWatch* outer_;
};

}  // namespace intarsia
