// SPDX-License-Identifier: Apache-2.0
#include "storage/function_stats.h"

#include "intarsia/error.h"
#include "telemetry/function_counters.h"

namespace intarsia {

namespace {

// In the order of names, so that two processes never wait for each other.
constexpr const char* kAdd =
    "insert into function_stats as s (function, calls, seconds, retries, errors, cache_hits) values ($1, $2, $3, $4, "
    "$5, $6) on conflict (function) do update set calls = s.calls + excluded.calls, seconds = s.seconds + "
    "excluded.seconds, retries = s.retries + excluded.retries, errors = s.errors + excluded.errors, cache_hits = "
    "s.cache_hits + excluded.cache_hits";

Statement addition(const FunctionStats& stats) {
  Statement statement{kAdd};
  statement.parameters.add(std::string_view(stats.function))
      .add(stats.calls)
      .add(stats.seconds)
      .add(stats.retries)
      .add(stats.errors)
      .add(stats.cache_hits);
  return statement;
}

}  // namespace

void add_function_stats(Connection& connection) noexcept {
  try {
    save_function_stats([&](const std::vector<FunctionStats>& news) {
      std::vector<Statement> statements{{"begin"}, {"set local synchronous_commit = off"}};
      for (const FunctionStats& stats : news) statements.push_back(addition(stats));
      statements.push_back({"commit"});
      connection.pipeline(statements);
    });
  } catch (const std::exception&) {  // statistics are no reason to fail
  }
}

std::vector<FunctionStats> read_function_stats(Connection& connection) {
  const SqlRows rows = connection.query(
      "select function, calls, (seconds * 1000000)::bigint, retries, errors, cache_hits from function_stats order by "
      "1");
  std::vector<FunctionStats> all;
  for (int row = 0; row < rows.size(); ++row)
    all.push_back({rows.text_at(row, 0), rows.int_at(row, 1), static_cast<double>(rows.int_at(row, 2)) / 1e6,
                   rows.int_at(row, 3), rows.int_at(row, 4), rows.int_at(row, 5)});
  return all;
}

}  // namespace intarsia
