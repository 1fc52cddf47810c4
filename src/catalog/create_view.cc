// SPDX-License-Identifier: Apache-2.0
#include "catalog/create_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "catalog/create_table.h"
#include "catalog/declared_columns.h"
#include "catalog/placement.h"
#include "catalog/table_rows.h"
#include "function/iterator.h"
#include "storage/publish.h"

namespace intarsia {

namespace {

constexpr std::int64_t kClaimLockClass = 0x1f112;  // of advisory locks
constexpr auto kPause = std::chrono::milliseconds(20);

const IteratorFunction& checked_iterator(const std::string& described, const Expr& call) {
  const IteratorFunction* iterator = call.kind() == Expr::Kind::kCall ? find_iterator(call.name()) : nullptr;
  if (iterator == nullptr)
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {} is no call of an iterator", described, call.text()));
  if (iterator->check) {
    std::vector<const Value*> literals;
    for (const Expr& arg : call.args()) literals.push_back(arg.kind() == Expr::Kind::kLiteral ? &arg.value() : nullptr);
    iterator->check(literals);
  }
  return *iterator;
}

ColumnDef iterator_column(const TableDef& view, std::int64_t id, const std::string& name, const Type& type,
                          bool stored) {
  ColumnDef column;
  column.id = id;
  column.table_id = view.id;
  column.name = name;
  column.type = type;
  column.stored = stored;
  column.from_iterator = true;
  column.position = static_cast<int>(view.columns.size());
  return column;
}

bool same(const Expr& a, const Expr& b) {
  return a.empty() || b.empty() ? a.empty() == b.empty() : a.same_as(b);
}

class ViewRegistration {
 public:
  ViewRegistration(Pool& pool, Connection& connection, const Tree& tree, const ViewDefinition& definition,
                   const std::function<void()>& check_interrupt)
      : pool_(pool),
        connection_(connection),
        tree_(tree),
        definition_(definition),
        check_interrupt_(check_interrupt),
        described_(fmt::format("create view '{}'", definition.path)) {}

  RegisteredView run() {
    declare();
    for (;; std::this_thread::sleep_for(kPause)) {
      check_interrupt_();
      const PathEntry entry = find_path(connection_, definition_.path);
      std::unique_ptr<ViewClaim> orphan;
      if (entry.filling) {
        orphan = ViewClaim::take(connection_, entry.id);
        if (!orphan && definition_.options.if_exists != IfExists::kError) continue;  // until it is ready
        if (orphan && !is_filling(entry.id)) continue;                               // it just got ready
        if (orphan && is_same(entry.id)) return {entry.id, std::move(orphan)};
      }
      if (!orphan)
        if (const auto kept = existing_to_keep(described_, entry, "view", definition_.options.if_exists))
          return {*kept, nullptr};
      std::unique_ptr<ViewClaim> claim = ViewClaim::take(connection_, view_.id);
      if (publish(entry, orphan != nullptr)) return {view_.id, std::move(claim)};
    }
  }

 private:
  void declare() {
    view_ = new_table(described_, definition_.path, "view", definition_.options);
    const IteratorFunction* iterator =
        definition_.iterator.empty() ? nullptr : &checked_iterator(described_, definition_.iterator);
    const std::size_t outputs = iterator == nullptr ? 0 : iterator->outputs.size() + 1;
    std::vector<std::int64_t> ids = reserve_object_ids(connection_, 1 + 2 * (outputs + definition_.columns.size()));
    view_.id = take_id(ids);
    view_.rows_table_name = view_.rows_table();
    view_.tree_id = tree_.id;
    view_.base_id = definition_.base_id;
    view_.filling = true;
    ColumnScope scope(described_);
    scope.add_base(tree_, definition_.base_id);
    view_.predicate = bound_predicate(scope);
    if (iterator != nullptr) {
      view_.iterator = scope.bind_args(definition_.iterator);
      declare_outputs(*iterator, ids);
    }
    declare_columns(described_, definition_.columns, scope, view_, std::move(ids));
  }

  [[nodiscard]] Expr bound_predicate(const ColumnScope& scope) const {
    if (definition_.predicate.empty()) return {};
    if (definition_.predicate.type().kind() != TypeKind::kBool)
      throw Error(ErrorCode::kTypeMismatch,
                  fmt::format("{}: a filter is Bool, but {} is {}", described_, definition_.predicate.text(),
                              definition_.predicate.type().text()));
    return scope.bind(definition_.predicate);
  }

  void declare_outputs(const IteratorFunction& iterator, std::vector<std::int64_t>& ids) {
    view_.columns.push_back(iterator_column(view_, take_id(ids), "pos", TypeKind::kInt, true));
    for (const IteratorOutput& output : iterator.outputs)
      view_.columns.push_back(iterator_column(view_, take_id(ids), output.name, output.type, output.stored));
  }

  [[nodiscard]] bool is_filling(std::int64_t view_id) const {
    SqlParameters parameters;
    parameters.add(view_id);
    return connection_.query("select 1 from tables where id = $1 and until is null and filling", parameters).size() > 0;
  }

  /// What a process that died was creating is what is asked for now.
  [[nodiscard]] bool is_same(std::int64_t view_id) const {
    const std::shared_ptr<const Tree> tree = load_tree(connection_, tree_.id);
    if (tree == nullptr || !tree->tables.contains(view_id)) return false;
    const TableDef& other = tree->table(view_id);
    return other.base_id == view_.base_id && same(other.iterator, view_.iterator) &&
           same(other.predicate, view_.predicate) &&
           std::equal(other.columns.begin(), other.columns.end(), view_.columns.begin(), view_.columns.end(),
                      [](const ColumnDef& a, const ColumnDef& b) {
                        return a.name == b.name && a.type == b.type && same(a.value, b.value);
                      });
  }

  /// False: something else lies at the path now.
  bool publish(const PathEntry& seen, bool replace_orphan) {
    const Operation operation = new_operation(connection_, "create_view", 0, view_.id);
    bool published = true;
    retry_publish(pool_, operation, [&](Connection& connection) {
      std::vector<Statement> opening = publish_opening(0);
      opening.push_back({fmt::format("lock table intarsia.lock_{} in exclusive mode", tree_.id)});
      opening.push_back(check_schema(tree_.id, tree_.schema_version));
      connection.pipeline(opening);
      const PathEntry entry = find_path(connection, definition_.path);
      published = entry.id == seen.id && entry.kind == seen.kind && entry.filling == seen.filling;
      if (!published) return connection.run("rollback");
      require_parent(described_, entry);
      replace(connection, entry, replace_orphan, operation);
      view_.directory_id = entry.parent_id;
      insert_table(connection, view_, operation.id);
      std::vector<Statement> closing{next_schema_version(tree_.id)};
      Operation of_tree = operation;
      of_tree.tree_id = tree_.id;
      for (Statement& statement : publish_closing(of_tree, {})) closing.push_back(std::move(statement));
      connection.pipeline(closing);
    });
    return published;
  }

  void replace(Connection& connection, const PathEntry& entry, bool is_orphan, const Operation& operation) {
    const IfExists if_exists = is_orphan ? IfExists::kReplaceForce : definition_.options.if_exists;
    const std::vector<DroppedTable> tables = tables_to_replace(connection, described_, entry, if_exists);
    for (const DroppedTable& table : tables)
      if (table.id == view_.base_id)
        throw Error(ErrorCode::kUnsupportedOperation,
                    fmt::format("{}: a view cannot replace '{}', which it is based on", described_, entry.path));
    end_dropped(connection, tables, operation);
  }

  Pool& pool_;
  Connection& connection_;  // of the claim
  const Tree& tree_;
  const ViewDefinition& definition_;
  const std::function<void()>& check_interrupt_;
  std::string described_;
  TableDef view_;
};

}  // namespace

std::unique_ptr<ViewClaim> ViewClaim::take(Connection& connection, std::int64_t view_id) {
  const std::int64_t key = kClaimLockClass * (std::int64_t{1} << 32) + view_id;
  SqlParameters parameters;
  parameters.add(key);
  if (connection.query("select pg_try_advisory_lock($1)", parameters).int_at(0, 0) == 0) return nullptr;
  return std::unique_ptr<ViewClaim>(new ViewClaim(connection, key));
}

ViewClaim::~ViewClaim() {
  try {
    SqlParameters parameters;
    parameters.add(key_);
    connection_.query("select pg_advisory_unlock($1)", parameters);
  } catch (const std::exception&) {  // the session is gone, and the lock with it
  }
}

RegisteredView register_view(Pool& pool, Connection& connection, const Tree& tree, const ViewDefinition& definition,
                             const std::function<void()>& check_interrupt) {
  return ViewRegistration(pool, connection, tree, definition, check_interrupt).run();
}

}  // namespace intarsia
