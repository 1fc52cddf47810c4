// SPDX-License-Identifier: Apache-2.0
// ops, resume, discard: operations that are on their way, and those whose processes died.
#include <fmt/format.h>

#include <memory>

#include "command.h"
#include "intarsia/telemetry.h"

namespace intarsia::cli {
namespace {

using Body = std::function<void(Session&)>;

Cell progress_cell(const OperationInfo& operation) {
  if (operation.rows == 0) return {"", nullptr};
  if (operation.total < 0) return operation.rows;
  return fmt::format("{} of {}", operation.rows, operation.total);
}

Cell time_left_cell(const OperationInfo& operation) {
  if (operation.state != "running" || operation.rows == 0 || operation.total < operation.rows) return {"", nullptr};
  const auto left = static_cast<double>(operation.total - operation.rows);
  return duration_cell(operation.seconds * left / static_cast<double>(operation.rows));
}

Body declare_ops(CLI::App& parser) {
  parser.footer(
      "Operations that take time: running ones, and fills of columns and views whose processes died, which `resume` "
      "or\n"
      "the next program that opens the table finishes. Other operations that died are discarded when an instance is\n"
      "opened; they have left nothing.");
  return [](Session& session) {
    Listing listing{{"id", "state", "operation", "client", "for", "rows", "left"}, {}};
    for (const OperationInfo& operation : session.database().operations())
      listing.rows.push_back({operation.id == 0 ? Cell("", nullptr) : Cell(operation.id), operation.state,
                              operation.description, operation.client, duration_cell(operation.seconds),
                              progress_cell(operation), time_left_cell(operation)});
    session.show(listing);
  };
}

Body declare_resume(CLI::App& parser) {
  parser.footer("Columns whose functions are written in Python go on when a Python program opens their table.");
  return [](Session& session) {
    const std::int64_t resumed = session.database().resume_fills();
    session.show(fmt::format("{} finished", resumed));
    for (const OperationInfo& left : session.database().operations())
      if (left.state == "resumable") session.show(fmt::format("not resumed: {}", left.description));
  };
}

Body declare_discard(CLI::App&) {
  return [](Session& session) { session.show(fmt::format("{} discarded", session.database().discard_dead())); };
}

Body declare_results(CLI::App& parser) {
  struct Options {
    bool clear = false;
    std::string function;
  };
  const auto options = std::make_shared<Options>();
  parser.add_flag("--clear", options->clear, "remove them");
  parser.add_option("--function", options->function, "of one function: py:module.name");
  parser.footer("What finished calls of functions returned, kept so that they are never made again (results_limit).");
  return [options](Session& session) {
    if (options->clear)
      return session.show(fmt::format("{} removed", session.database().clear_results(options->function)));
    Listing listing{{"function", "results", "size", "time"}, {}};
    for (const KeptResultsInfo& info : session.database().kept_results())
      if (options->function.empty() || options->function == info.function)
        listing.rows.push_back({info.function, info.results, size_cell(info.bytes), duration_cell(info.seconds)});
    session.show(listing);
  };
}

Body declare_functions(CLI::App& parser) {
  parser.footer(
      "What calls of functions came to in all programs that used the instance; \"hits\" are results that were kept, "
      "so\n"
      "that no call was made. What PostgreSQL evaluates is not counted. Running programs add theirs now and then.");
  return [](Session& session) {
    Listing listing{{"function", "calls", "time", "retries", "errors", "hits"}, {}};
    for (const FunctionStats& stats : function_stats(session.database()))
      listing.rows.push_back(
          {stats.function, stats.calls, duration_cell(stats.seconds), stats.retries, stats.errors, stats.cache_hits});
    session.show(listing);
  };
}

constexpr Command kCommands[] = {
    {"ops", "show operations on their way, and those that died", declare_ops},
    {"resume", "finish columns and views whose filling died", declare_resume},
    {"discard", "remove what operations that died have left", declare_discard},
    {"functions", "show calls, time, retries, errors and cache hits of functions", declare_functions},
    {"results", "show or clear the kept results of functions", declare_results},
};

}  // namespace

std::span<const Command> operation_commands() {
  return kCommands;
}

}  // namespace intarsia::cli
