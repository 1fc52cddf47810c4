// SPDX-License-Identifier: Apache-2.0
#include "exec/publish_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "exec/touched_rows.h"
#include "storage/history.h"
#include "storage/row_writer.h"

namespace intarsia {

namespace {

constexpr std::size_t kRootsAtOnce = 1 << 16;

SqlParameters with_ids(std::int64_t operation_id, std::span<const std::int64_t> ids) {
  SqlParameters parameters;
  parameters.add(operation_id).add_array(ids);
  return parameters;
}

/// The columns of `target` that `cells` has.
SqlTarget narrowed(const SqlTarget& target, const RowSet& cells) {
  SqlTarget narrow{target.sql_table, false, target.filling, {}};
  for (const ColumnDef* column : target.columns)
    if (cells.has(column->id)) narrow.columns.push_back(column);
  return narrow;
}

class PublishChanges {
 public:
  PublishChanges(Engine& engine, const Tree& tree, const Operation& operation, const Changes& changes,
                 std::int64_t seen, ChangeCounts& counts)
      : engine_(engine), tree_(tree), operation_(operation), changes_(changes), seen_(seen), counts_(counts) {
    engine.history().ensure(*engine.connect(), tables_with_history(), tree.schema_version);
  }

  std::optional<Conflict> run() {
    std::optional<Conflict> conflict;
    engine_.media_store().make_durable(operation_.id);
    retry_publish(engine_.pool(), operation_, [&](Connection& connection) {
      connection_ = &connection;
      conflict.reset();
      counts_ = changes_.counts(tree_);
      try {
        open(true);
      } catch (const RowsTouched&) {
        connection_->run("rollback");
        open(false);
        conflict = find_conflict();
        if (conflict) return connection_->run("rollback");
      }
      write();
      connection_->pipeline(publish_closing(operation_, versions()));
    });
    return conflict;
  }

 private:
  // ---- which SQL tables --------------------------------------------------------------------------------------------
  std::set<std::string> tables_with_history() const {
    std::set<std::string> names;
    for (const EndedRows& rows : changes_.ended) add_ended(tree_.table(rows.table_id), names);
    for (const auto& rows : changes_.changed.all()) {
      const RowSet cells = changes_.changed.cells(*rows);
      for (const SqlTarget& target : sql_targets(tree_.table(rows->table_id)))
        if (!target.filling && !narrowed(target, cells).columns.empty()) names.insert(target.sql_table);
    }
    for (const auto& rows : changes_.made.all())
      for (const SqlTarget& target : sql_targets(tree_.table(rows->table_id)))
        if (may_have_entries(tree_.table(rows->table_id), target) && !target.filling) names.insert(target.sql_table);
    return names;
  }

  void add_ended(const TableDef& table, std::set<std::string>& names) const {
    if (!table.filling) names.insert(table.rows_table());
    for (const TableDef* view : tree_.views_of(table.id)) add_ended(*view, names);
  }

  /// A row that a filter lets in again has had cells before; their families still have them.
  static bool may_have_entries(const TableDef& table, const SqlTarget& target) {
    return !table.has_iterator() && target.sql_table != table.rows_table();
  }

  /// A family of a stored column that was added later has no entries for the rows that were there.
  [[nodiscard]] bool may_lack_entries(const SqlTarget& target) const {
    const ColumnDef& column = *target.columns.front();
    return target.sql_table != tree_.table(column.table_id).rows_table() && column.value.empty();
  }

  // ---- the transaction ---------------------------------------------------------------------------------------------
  void open(bool require_untouched) {
    std::vector<Statement> statements = publish_opening(tree_.id);
    statements.push_back(check_schema(tree_.id, tree_.schema_version));
    if (require_untouched) statements.push_back(check_untouched(tree_.id, seen_));
    connection_->pipeline(statements);
  }

  /// Under the lock: which roots were changed or are gone.
  std::optional<Conflict> find_conflict() {
    Conflict conflict{{}, last_published(*connection_)};
    const std::vector<std::int64_t>& roots = changes_.roots;
    for (std::size_t begin = 0; begin < roots.size(); begin += kRootsAtOnce) {
      const std::size_t count = std::min(kRootsAtOnce, roots.size() - begin);
      conflict.roots.merge(
          touched_rows(*connection_, tree_, operation_.table_id, std::span(roots).subspan(begin, count), seen_));
    }
    if (conflict.roots.empty()) return std::nullopt;
    return conflict;
  }

  void write() {
    for (const EndedRows& rows : changes_.ended) end(rows);
    for (const auto& rows : changes_.changed.all()) {
      std::vector<Statement> statements;
      const RowSet cells = changes_.changed.cells(*rows);
      if (cells.num_rows == 0) continue;
      for (const SqlTarget& target : sql_targets(tree_.table(rows->table_id))) change(target, cells, statements);
      connection_->pipeline(statements);
    }
    for (const auto& rows : changes_.made.all()) {
      std::vector<Statement> statements;
      const RowSet cells = changes_.made.cells(*rows);
      if (cells.num_rows == 0) continue;
      for (const SqlTarget& target : sql_targets(tree_.table(rows->table_id)))
        make(tree_.table(rows->table_id), target, cells, statements);
      connection_->pipeline(statements);
    }
  }

  void keep(const SqlTarget& target, const RowSet& cells, std::vector<Statement>& statements) const {
    SqlParameters parameters;
    parameters.add(operation_.id).add_array(cells.columns.at(kRowIdColumn));
    statements.push_back(keep_entries(target.sql_table, "x.row_id = any($2)", std::move(parameters)));
  }

  void change(const SqlTarget& all, const RowSet& cells, std::vector<Statement>& statements) const {
    const SqlTarget target = narrowed(all, cells);
    if (target.columns.empty()) return;
    if (target.filling) return statements.push_back(upsert_statement(target, cells, operation_.id));
    keep(target, cells, statements);
    statements.push_back(may_lack_entries(target) ? upsert_statement(target, cells, operation_.id)
                                                  : update_statement(target, cells, operation_.id));
  }

  void make(const TableDef& table, const SqlTarget& target, const RowSet& cells,
            std::vector<Statement>& statements) const {
    if (!may_have_entries(table, target)) return statements.push_back(insert_statement(target, cells, operation_.id));
    if (!target.filling) keep(target, cells, statements);
    statements.push_back(upsert_statement(target, cells, operation_.id));
  }

  // ---- ended rows --------------------------------------------------------------------------------------------------
  void end(const EndedRows& rows) {
    if (rows.ids.empty()) return;
    const TableDef& table = tree_.table(rows.table_id);
    const SqlParameters parameters = with_ids(operation_.id, rows.ids);
    if (rows.by_parent) return end_entries(table, "x.parent_id = any($2)", parameters);
    end_chosen(table, parameters);
  }

  /// The rows with the ids that `parameters` has, and those of views, which have the same ids or name them as parents.
  void end_chosen(const TableDef& table, const SqlParameters& parameters) {
    if (end_rows(table, "x.row_id = any($2)", parameters) == 0) return;
    for (const TableDef* view : tree_.views_of(table.id)) {
      if (view->has_iterator())
        end_entries(*view, "x.parent_id = any($2)", parameters);
      else
        end_chosen(*view, parameters);
    }
  }

  void end_entries(const TableDef& table, const std::string& condition, const SqlParameters& parameters) {
    if (end_rows(table, condition, parameters) == 0) return;
    for (const TableDef* view : tree_.views_of(table.id)) {
      SqlParameters operation;
      operation.add(operation_.id);
      end_entries(*view,
                  fmt::format("x.{} in (select h.row_id from {} h where h.until = $1)",
                              view->has_iterator() ? "parent_id" : "row_id", history_table(table.rows_table())),
                  operation);
    }
  }

  /// How many there were. `parameters` begins with the operation's id.
  std::int64_t end_rows(const TableDef& table, const std::string& condition, const SqlParameters& parameters) {
    const std::string rows = table.rows_table();
    std::vector<Statement> statements;
    if (!table.filling) statements.push_back(keep_entries(rows, condition, parameters));
    statements.push_back({fmt::format("delete from {} x where $1::bigint > 0 and {}", rows, condition), parameters});
    const std::int64_t ended = connection_->pipeline(statements).back().affected();
    if (ended > 0) counts_.by_table[table.id].deleted += ended;
    return ended;
  }

  [[nodiscard]] std::vector<NewVersion> versions() const {
    std::vector<NewVersion> versions;
    for (const auto& [id, counts] : counts_.by_table)
      if (!tree_.table(id).filling) versions.push_back({id, {}, counts});
    return versions;
  }

  Engine& engine_;
  Connection* connection_ = nullptr;  // the publish's
  const Tree& tree_;
  const Operation& operation_;
  const Changes& changes_;
  std::int64_t seen_;
  ChangeCounts& counts_;
};

}  // namespace

std::optional<Conflict> publish_changes(Engine& engine, const Tree& tree, const Operation& operation,
                                        const Changes& changes, std::int64_t seen, ChangeCounts& counts) {
  return PublishChanges(engine, tree, operation, changes, seen, counts).run();
}

}  // namespace intarsia
