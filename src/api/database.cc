// SPDX-License-Identifier: Apache-2.0
#include "intarsia/database.h"

#include "catalog/cell_errors.h"
#include "catalog/create_table.h"
#include "catalog/create_view.h"
#include "catalog/directories.h"
#include "catalog/drop_table.h"
#include "catalog/instance_status.h"
#include "catalog/paths.h"
#include "exec/engine.h"
#include "exec/fill.h"
#include "exec/resume.h"
#include "storage/activity.h"
#include "telemetry/operation_report.h"

namespace intarsia {

namespace {

/// What cannot be removed now is removed later.
void remove_leftovers_quietly(Engine& engine) {
  try {
    remove_leftovers(*engine.connect(), engine.media_store());
  } catch (const Error&) {
  }
}

/// A change of the catalog, reported.
template <typename Change>
auto reported_change(std::string_view kind, std::string path, const Change& change) {
  return reported(kind, std::move(path), LogLevel::kInfo, [&](OperationReport&) { return change(); });
}

std::int64_t discard_reported(Engine& engine) {
  const std::int64_t discarded = intarsia::discard_dead(engine);
  if (discarded > 0)
    log(LogLevel::kInfo, "operation.discarded", "removed what operations left that had died",
        {{"operations", discarded}});
  return discarded;
}

void resume_reported(Engine& engine, const PathEntry& table) {
  const std::int64_t resumed = resume_columns(engine, table.id);
  if (resumed == 0) return;
  log(LogLevel::kInfo, "fill.resumed", "finished columns of '" + table.path + "' whose fill had died",
      {{"target", table.path}, {"fills", resumed}});
}

/// Finishes a view whose creator died, as it was told to.
bool take_up(Engine& engine, Connection& connection, const PathEntry& view) {
  const std::unique_ptr<ViewClaim> claim = ViewClaim::take(connection, view.id);
  if (claim == nullptr) return false;
  const bool aborts = fill_error_policy(connection, view.id) == "abort";
  fill_view(engine, view.id, aborts ? OnError::kAbort : OnError::kIgnore);
  log(LogLevel::kInfo, "fill.resumed", "finished view '" + view.path + "', whose fill had died",
      {{"target", view.path}, {"fills", std::int64_t{1}}});
  return true;
}

}  // namespace

Database Database::open(const Config& config) {
  auto engine = std::make_shared<Engine>(config);
  remove_leftovers_quietly(*engine);
  discard_reported(*engine);
  return Database(std::move(engine));
}

void Database::create_directory(std::string_view path, IfExists if_exists, bool parents) {
  reported_change("create_directory", parse_path(path),
                  [&] { intarsia::create_directory(engine_->pool(), parse_path(path), if_exists, parents); });
  if (if_exists == IfExists::kReplaceForce) remove_leftovers_quietly(*engine_);
}

void Database::drop_directory(std::string_view path, bool force, IfNotExists if_not_exists) {
  reported_change("drop_directory", parse_path(path),
                  [&] { intarsia::drop_directory(engine_->pool(), parse_path(path), force, if_not_exists); });
  remove_leftovers_quietly(*engine_);
}

std::vector<DirectoryEntry> Database::list(std::string_view path, bool recursive) const {
  return list_directory(*engine_->connect(), parse_path(path, true), recursive);
}

Table Database::create_table(std::string_view path, const std::vector<ColumnSpec>& columns,
                             const TableOptions& options) {
  const std::int64_t id = reported_change("create_table", parse_path(path), [&] {
    return intarsia::create_table(engine_->pool(), parse_path(path), columns, options);
  });
  const bool replaces = options.if_exists == IfExists::kReplace || options.if_exists == IfExists::kReplaceForce;
  if (replaces) remove_leftovers_quietly(*engine_);
  return Table(engine_, id);
}

Table Database::create_view(std::string_view path, const Table& base, const Expr& iterator, const Expr& predicate,
                            const std::vector<ColumnSpec>& columns, const TableOptions& options) {
  const ViewDefinition definition{parse_path(path), base.id(), iterator, predicate, columns, options};
  return reported("create_view", definition.path, LogLevel::kInfo, [&](OperationReport& report) {
    const Pool::Lease connection = engine_->pool().take_aside();  // holds the claim
    const RegisteredView view = engine_->with_tree(base.id(), [&](const Tree& tree) {
      return register_view(engine_->pool(), *connection, tree, definition, [this] { engine_->check_interrupt(); });
    });
    if (view.claim != nullptr) {
      report.add("rows", fill_view(*engine_, view.id, options.on_error).table.inserted);
      remove_leftovers_quietly(*engine_);
    }
    return Table(engine_, view.id);
  });
}

Table Database::get_table(std::string_view path) const {
  const Pool::Lease connection = engine_->connect();
  PathEntry entry = find_path(*connection, parse_path(path));
  if (entry.filling && take_up(*engine_, *connection, entry)) entry.filling = false;
  require_table("get table '" + entry.path + "'", entry);
  resume_reported(*engine_, entry);
  return Table(engine_, entry.id);
}

std::optional<Table> Database::find_table(std::string_view path) const {
  const Pool::Lease connection = engine_->connect();
  const PathEntry entry = find_path(*connection, parse_path(path));
  if (!entry.is_table() || (entry.filling && !take_up(*engine_, *connection, entry))) return std::nullopt;
  return Table(engine_, entry.id);
}

void Database::drop_table(std::string_view path, bool force, IfNotExists if_not_exists) {
  reported_change("drop_table", parse_path(path),
                  [&] { intarsia::drop_table(engine_->pool(), parse_path(path), force, if_not_exists); });
  remove_leftovers_quietly(*engine_);
}

void Database::drop_table(const Table& table, bool force) {
  reported_change("drop_table", engine_->trees().of_table(table.id())->table(table.id()).path,
                  [&] { intarsia::drop_table(engine_->pool(), table.id(), force); });
  remove_leftovers_quietly(*engine_);
}

const Config& Database::config() const {
  return engine_->config();
}

std::string Database::server_version() const {
  return engine_->connect()->query("select current_setting('server_version')").text_at(0, 0);
}

InstanceStatus Database::status() const {
  return read_instance_status(*engine_->connect());
}

std::vector<ColumnErrors> Database::errors(const Table& table, std::int64_t limit) const {
  return engine_->with_tree(
      table.id(), [&](const Tree& tree) { return read_cell_errors(*engine_->connect(), tree, table.id(), limit); });
}

std::vector<OperationInfo> Database::operations() const {
  return list_activities(*engine_->connect());
}

std::int64_t Database::resume_fills() {
  return reported("resume", "", LogLevel::kInfo, [&](OperationReport& report) {
    const std::int64_t resumed = intarsia::resume_fills(*engine_);
    report.add("fills", resumed);
    return resumed;
  });
}

std::int64_t Database::discard_dead() {
  return discard_reported(*engine_);
}

std::vector<KeptResultsInfo> Database::kept_results() const {
  return engine_->results().list();
}

std::int64_t Database::clear_results(const std::string& function) {
  return engine_->results().clear(function);
}

void Database::set_progress(std::function<void(const Progress&)> observer) {
  engine_->set_progress(std::move(observer));
}

void Database::set_interrupt_check(std::function<void()> check) {
  engine_->set_interrupt_check(std::move(check));
}

}  // namespace intarsia
