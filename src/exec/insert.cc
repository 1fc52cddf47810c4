// SPDX-License-Identifier: Apache-2.0
#include "exec/insert.h"

#include <fmt/format.h>

#include "exec/derivation.h"
#include "exec/input_rows.h"
#include "exec/operation_files.h"
#include "exec/publish_rows.h"
#include "telemetry/operation_report.h"

namespace intarsia {

namespace {

class Insert {
 public:
  Insert(Engine& engine, std::int64_t table_id, const InsertOptions& options)
      : engine_(engine),
        table_id_(table_id),
        options_(options),
        tree_(base_tree(engine, table_id)),
        description_(fmt::format("insert into '{}'", table().path)),
        operation_(new_operation("insert", tree_->id, table_id)),
        progress_(engine, description_),
        spool_(engine.new_row_store()),
        derivation_(engine, operation_, description_, options.on_error, spool_, progress_),
        batch_size_(batch_size(engine, *tree_)) {
    operation_.activity = std::make_shared<Activity>(engine.pool(), description_);
    progress_.watch(operation_);
  }

  UpdateStatus run(const std::function<std::optional<Batch>()>& next) {
    try {
      while (const std::optional<Batch> batch = next()) add(*batch);
      if (spool_.num_rows() > 0) publish();
    } catch (...) {
      remove_files_of_failed(engine_, *tree_, operation_);
      throw;
    }
    return status();
  }

 private:
  static std::shared_ptr<const Tree> base_tree(Engine& engine, std::int64_t table_id) {
    std::shared_ptr<const Tree> tree = engine.trees().of_table(table_id);
    if (const TableDef& table = tree->table(table_id); table.base_id != 0)
      throw Error(ErrorCode::kUnsupportedOperation,
                  fmt::format("view '{}': cannot insert into a view; insert into its base '{}'", table.path,
                              tree->with_bases(table_id).back()->path));
    return tree;
  }

  [[nodiscard]] const TableDef& table() const { return tree_->table(table_id_); }

  void add(const Batch& batch) {
    std::int64_t num_rows = 0;
    for (std::int64_t begin = 0; begin < batch.num_rows(); begin += num_rows) {
      num_rows = std::min(batch_size_.rows(), batch.num_rows() - begin);
      RowSet rows = bind(batch.slice(begin, num_rows));
      rows.columns.emplace(kRowIdColumn, reserve_rows(num_rows));
      derivation_.add(*tree_, table_id_, std::move(rows));
      batch_size_.learn(num_rows, derivation_.take_heaviest());
      num_rows_ += num_rows;
    }
  }

  // The operation's own id comes with those of its first rows.
  Column reserve_rows(std::int64_t count) {
    std::vector<Statement> statements{reserve_ids("row_ids", count)};
    if (operation_.id == 0) statements.push_back(reserve_ids("operation_ids", 1));
    const std::vector<SqlRows> reserved = engine_.connect()->pipeline(statements);
    if (operation_.id == 0) {
      operation_.id = reserved_ids(reserved[1]).front();
      OperationReport::set_id(operation_.id);
    }
    return ids_column(reserved_ids(reserved[0]));
  }

  RowSet bind(const Batch& batch) {
    try {
      return InputRows(table(), description_, options_.on_error, engine_.threads()).bind(batch, num_rows_);
    } catch (const Error&) {  // perhaps only against a schema that has changed meanwhile
      const std::shared_ptr<const Tree> newest = engine_.trees().newest(table_id_);
      if (newest->schema_version == tree_->schema_version) throw;
      use(newest);
    }
    return InputRows(table(), description_, options_.on_error, engine_.threads()).bind(batch, num_rows_);
  }

  void use(std::shared_ptr<const Tree> tree) {
    tree_ = std::move(tree);
    batch_size_ = batch_size(engine_, *tree_);
    derivation_.bring_up_to(*tree_);
  }

  void publish() {
    for (;;) {
      try {
        return publish_rows(engine_, *tree_, operation_, spool_, versions());
      } catch (const StaleSchema&) {  // compute the difference, and no more
        use(engine_.trees().reload(table_id_));
      }
    }
  }

  [[nodiscard]] RowCounts counts_of(std::int64_t table_id) const {
    const auto counts = derivation_.counts().find(table_id);
    return counts == derivation_.counts().end() ? RowCounts() : counts->second;
  }

  [[nodiscard]] std::vector<NewVersion> versions() const {
    std::vector<NewVersion> versions;
    for (const auto& [id, table] : tree_->tables)
      if (!table.filling) versions.push_back({id, {}, counts_of(id)});
    return versions;
  }

  [[nodiscard]] UpdateStatus status() const {
    UpdateStatus status;
    status.table = counts_of(table_id_);
    for (const auto& [id, table] : tree_->tables) {
      if (id == table_id_) continue;
      const RowCounts counts = counts_of(id);
      status.cascade.inserted += counts.inserted;
      status.cascade.errors += counts.errors;
      status.cascade.computed_values += counts.computed_values;
    }
    status.columns_with_errors.assign(derivation_.columns_with_errors().begin(),
                                      derivation_.columns_with_errors().end());
    return status;
  }

  Engine& engine_;
  std::int64_t table_id_;
  InsertOptions options_;
  std::shared_ptr<const Tree> tree_;
  std::string description_;
  Operation operation_;
  ProgressMeter progress_;
  Spool spool_;
  Derivation derivation_;
  BatchSize batch_size_;
  std::int64_t num_rows_ = 0;
};

}  // namespace

UpdateStatus insert_rows(Engine& engine, std::int64_t table_id, const std::function<std::optional<Batch>()>& next,
                         const InsertOptions& options) {
  return Insert(engine, table_id, options).run(next);
}

}  // namespace intarsia
