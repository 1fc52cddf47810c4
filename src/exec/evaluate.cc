// SPDX-License-Identifier: Apache-2.0
#include "exec/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "exec/stored_cells.h"
#include "intarsia/error.h"
#include "telemetry/reported_call.h"

namespace intarsia {

namespace {

bool any_errors(const std::vector<Column>& args) {
  return std::any_of(args.begin(), args.end(), [](const Column& arg) { return arg.has_errors(); });
}

/// `result` with the errors of the arguments in place of what was computed for those rows.
Column pass_errors_on(const Column& result, const std::vector<Column>& args) {
  ColumnBuilder out(result.type());
  out.reserve(result.length());
  for (std::int64_t row = 0; row < result.length(); ++row) {
    const CellError* error = nullptr;
    for (const Column& arg : args)
      if (error == nullptr) error = arg.error_at(row);
    if (error != nullptr)
      out.append_error(*error);
    else
      out.append_cell(result, row);
  }
  return out.finish();
}

bool reads_errors(const Expr& call) {
  return call.name().starts_with("cell.");
}

}  // namespace

const Function& function_of(const Expr& call) {
  const Function* function = find_function(call.name());
  if (function == nullptr)
    throw Error(ErrorCode::kFunctionNotFound,
                fmt::format("function '{}' is not there: the columns that use it cannot be computed; make its module "
                            "importable, or drop them",
                            call.name()));
  return *function;
}

std::vector<std::int64_t> true_rows(const Column& predicate) {
  std::vector<std::int64_t> rows;
  for (std::int64_t row = 0; row < predicate.length(); ++row)
    if (!predicate.is_null(row) && predicate.bool_at(row)) rows.push_back(row);
  return rows;
}

Column Evaluator::evaluate(const Expr& expr) {
  if (expr.kind() == Expr::Kind::kLiteral) return Column::constant(expr.type(), expr.value(), rows_.num_rows);
  if (expr.kind() == Expr::Kind::kColumn) {
    const auto found = rows_.columns.find(expr.column_id());
    if (found == rows_.columns.end())
      throw Error(ErrorCode::kInternal, fmt::format("column '{}' was not read", expr.name()));
    return found->second;
  }
  for (const auto& [known, column] : known_)
    if (known.same_as(expr)) return column;
  Column result = call(expr);
  known_.emplace_back(expr, result);
  return result;
}

Column Evaluator::call(const Expr& expr) {
  const Function& function = function_of(expr);
  std::vector<Column> args;
  for (const Expr& arg : expr.args()) args.push_back(evaluate(arg));
  const bool all_constant =
      !args.empty() && std::all_of(args.begin(), args.end(), [](const Column& arg) { return arg.is_constant(); });
  if (all_constant && function.deterministic && rows_.num_rows > 1) {
    for (Column& arg : args) arg = arg.slice(0, 1);
    const Column once = run_kernel(function, expr, args, 1);
    if (!once.has_errors()) return Column::constant(expr.type(), once.value_at(0), rows_.num_rows);
    for (std::size_t i = 0; i < args.size(); ++i) args[i] = evaluate(expr.args()[i]);
  }
  Column result = run_kernel(function, expr, args, rows_.num_rows);
  return any_errors(args) && !reads_errors(expr) ? pass_errors_on(result, args) : result;
}

Column Evaluator::run_kernel(const Function& function, const Expr& expr, const std::vector<Column>& args,
                             std::int64_t rows) {
  if (!function.kernel)
    throw Error(ErrorCode::kUnsupportedOperation, fmt::format("{} cannot be used as a value here", expr.text()));
  const auto run = [&](const std::vector<Column>& some, std::int64_t count) {
    const bool is_users = function.runs == Runs::kCallerThread;
    const std::optional<Seats::Away> away = is_users ? std::optional<Seats::Away>(std::in_place) : std::nullopt;
    ReportedCall call(function.name, count);
    Column made = run_parts(function, expr.type(), some, count);
    if (made.has_errors()) call.failed(count_errors(made));
    return made;
  };
  const bool keeps = results_ != nullptr && rows > 0 && KeptResults::keeps(function);
  return keeps ? results_->call(function, expr.type(), args, rows, run) : run(args, rows);
}

/// On the engine's threads where the function allows it.
Column Evaluator::run_parts(const Function& function, const Type& type, const std::vector<Column>& args,
                            std::int64_t rows) {
  const std::int64_t parts =
      function.runs == Runs::kParallel ? std::clamp<std::int64_t>(rows, 1, threads_.count() * 4L) : 1;
  std::vector<Column> results(static_cast<std::size_t>(parts));
  const auto run_part = [&](int part) {
    const std::int64_t begin = rows * part / parts;
    const std::int64_t length = rows * (part + 1) / parts - begin;
    std::vector<Column> slices;
    for (const Column& arg : args) slices.push_back(parts == 1 ? arg : arg.slice(begin, length));
    ColumnBuilder out(type);
    function.kernel(slices, length, out);
    results[static_cast<std::size_t>(part)] = out.finish();
  };
  if (parts == 1)
    run_part(0);
  else
    threads_.for_each(static_cast<int>(parts), run_part);
  return parts == 1 ? results[0] : Column::concat(results);
}

}  // namespace intarsia
