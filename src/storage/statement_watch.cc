// SPDX-License-Identifier: Apache-2.0
#include "storage/statement_watch.h"

#include <fmt/format.h>

#include <atomic>
#include <utility>

#include "storage/connection.h"
#include "storage/statement_text.h"
#include "telemetry/log.h"

namespace intarsia {

namespace {

using Clock = std::chrono::steady_clock;

std::atomic<std::int64_t> slow_milliseconds{0};

thread_local StatementWatch* innermost = nullptr;

std::string name_of(std::string_view sql) {
  return spans_are_observed() ? first_word(sql) : std::string();
}

}  // namespace

void set_slow_sql(std::chrono::milliseconds limit) {
  slow_milliseconds = limit.count();
}

StatementWatch::StatementWatch(std::string_view sql)
    : span_(SpanKind::kStatement, name_of(sql)), sql_(sql), outer_(std::exchange(innermost, this)) {
  if (span_.is_observed()) describe();
}

StatementWatch::StatementWatch(const std::vector<Statement>& statements)
    : span_(SpanKind::kStatement, statements.size() == 1 ? name_of(statements.front().sql) : std::string("PIPELINE")),
      statements_(&statements),
      outer_(std::exchange(innermost, this)) {
  if (span_.is_observed()) describe();
}

StatementWatch::~StatementWatch() {
  innermost = outer_;
  const std::int64_t limit = slow_milliseconds;
  if (limit == 0 || !logs(LogLevel::kWarning)) return;
  const auto took = Clock::now() - begin_;
  if (took < std::chrono::milliseconds(limit)) return;
  try {
    const double seconds = std::chrono::duration<double>(took).count();
    log(LogLevel::kWarning, "sql.slow", fmt::format("SQL took {:.2f} s", seconds),
        {{"seconds", seconds}, {"sql", text()}});
  } catch (const std::exception&) {  // no memory
  }
}

void StatementWatch::failed(const std::string& sqlstate) {
  if (innermost == nullptr || sqlstate.empty()) return;
  innermost->span_.set("db.response.status_code", sqlstate);
  innermost->span_.failed(sqlstate, "");
}

std::string StatementWatch::text() const {
  if (statements_ == nullptr) return without_values(sql_);
  std::string all;
  for (const Statement& statement : *statements_) all += (all.empty() ? "" : "; ") + statement.sql;
  return without_values(all);
}

void StatementWatch::describe() {
  span_.set("db.system.name", std::string("postgresql"));
  span_.set("db.query.text", text());
  if (statements_ != nullptr && statements_->size() > 1)
    span_.set("db.operation.batch.size", static_cast<std::int64_t>(statements_->size()));
}

}  // namespace intarsia
