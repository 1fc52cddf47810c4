// SPDX-License-Identifier: Apache-2.0
#include "exec/resume.h"

#include <fmt/format.h>

#include "catalog/column_rows.h"
#include "catalog/create_view.h"
#include "exec/fill.h"
#include "intarsia/error.h"
#include "intarsia/function.h"
#include "storage/activity.h"

namespace intarsia {

namespace {

OnError policy_of(Engine& engine, std::int64_t object_id) {
  return fill_error_policy(*engine.connect(), object_id) == "abort" ? OnError::kAbort : OnError::kIgnore;
}

bool has_functions(const Expr& expr) {
  if (expr.kind() == Expr::Kind::kCall && find_function(expr.name()) == nullptr) return false;
  for (const Expr& arg : expr.args())
    if (!has_functions(arg)) return false;
  return true;
}

/// While it replaces another column, a column has its own id in its name.
std::string name_when_done(const ColumnDef& column) {
  const std::string suffix = fmt::format(" (filling {})", column.id);
  return column.name.ends_with(suffix) ? column.name.substr(0, column.name.size() - suffix.size()) : column.name;
}

void resume_column(Engine& engine, const TableDef& table, const ColumnDef& column) {
  const std::string name = name_when_done(column);
  std::vector<Statement> also;
  for (const ColumnDef& other : table.columns)
    if (!other.filling && other.name == name) also.push_back(end_column(other.id, column.id));
  fill_column(engine, table.id, column.id, name, policy_of(engine, column.id), also);
}

std::int64_t resume_table(Engine& engine, std::int64_t table_id, bool is_filling) {
  if (!is_filling) return resume_columns(engine, table_id);
  const Pool::Lease connection = engine.connect();
  const std::unique_ptr<ViewClaim> claim = ViewClaim::take(*connection, table_id);
  if (claim == nullptr) return 0;
  fill_view(engine, table_id, policy_of(engine, table_id));
  return 1 + resume_columns(engine, table_id);
}

}  // namespace

std::int64_t resume_columns(Engine& engine, std::int64_t table_id) {
  std::int64_t resumed = 0;
  const std::shared_ptr<const Tree> tree = engine.trees().newest(table_id);
  const TableDef& table = tree->table(table_id);
  for (const ColumnDef& column : table.columns) {
    if (!column.filling || !has_functions(column.value) || FillClaim::is_taken(engine, column.id)) continue;
    resume_column(engine, table, column);
    ++resumed;
  }
  return resumed;
}

std::int64_t resume_fills(Engine& engine) {
  const SqlRows tables = engine.connect()->query("select id, filling from tables where until is null order by id");
  std::int64_t resumed = 0;
  for (int row = 0; row < tables.size(); ++row) {
    try {
      resumed += resume_table(engine, tables.int_at(row, 0), tables.int_at(row, 1) != 0);
    } catch (const Error& error) {  // dropped since, or while it was being filled
      if (error.code() != ErrorCode::kTableNotFound && error.code() != ErrorCode::kColumnNotFound) throw;
    }
  }
  return resumed;
}

std::int64_t discard_dead(Engine& engine) {
  const Pool::Lease connection = engine.connect();
  std::int64_t discarded = 0;
  for (const OperationInfo& operation : list_activities(*connection)) {
    if (operation.state != "dead") continue;
    const auto remove_files = [&, id = operation.id] { engine.media_store().remove_operation(id); };
    if (discard_activity(*connection, operation.id, remove_files)) ++discarded;
  }
  return discarded;
}

}  // namespace intarsia
