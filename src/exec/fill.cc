// SPDX-License-Identifier: Apache-2.0
#include "exec/fill.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "catalog/column_rows.h"
#include "exec/column_computation.h"
#include "exec/derivation.h"
#include "exec/missing_rows.h"
#include "exec/operation_files.h"
#include "exec/publish_rows.h"
#include "exec/read_rows.h"
#include "exec/touched_rows.h"
#include "plan/impact.h"
#include "storage/row_writer.h"

namespace intarsia {

namespace {

constexpr int kFillLockClass = 0x1f111;  // of advisory locks
constexpr auto kFlushAfter = std::chrono::seconds(1);
constexpr int kMostLostSessions = 5;
constexpr std::size_t kBytesPerWrite = 256 << 10;

SqlParameters lock_parameters(std::int64_t object_id) {
  SqlParameters parameters;
  parameters.add(kFillLockClass * (std::int64_t{1} << 32) + object_id);
  return parameters;
}

void run_publish(Engine& engine, std::int64_t tree_id, std::vector<Statement> changes, const Operation& operation,
                 const std::vector<NewVersion>& versions) {
  std::vector<Statement> statements = publish_opening(tree_id);
  const auto append = [&](std::vector<Statement> more) {
    std::move(more.begin(), more.end(), std::back_inserter(statements));
  };
  append(std::move(changes));
  statements.push_back(next_schema_version(tree_id));
  append(publish_closing(operation, versions));
  retry_publish(engine.pool(), operation, [&](Connection& connection) { connection.pipeline(statements); });
}

/// A transaction whose loss to a power cut only means doing it again. The files that it names are written through
/// before.
void commit_quickly(Engine& engine, std::int64_t operation_id, const std::function<void(Connection&)>& work) {
  engine.media_store().make_durable(operation_id);
  const Pool::Lease connection = engine.connect();
  connection->run("begin; set local synchronous_commit = off");
  try {
    work(*connection);
    connection->run("commit");
  } catch (...) {
    connection->end_transaction();
    throw;
  }
}

/// Does `work`, which fills something with commits that a crash of the server may lose, as often as it takes until all
/// of it is durable. Gives the claim.
template <typename Work>
std::unique_ptr<FillClaim> claimed_while(Engine& engine, std::int64_t object_id, const Work& work) {
  for (int attempt = 0;; ++attempt) {
    try {
      auto claim = std::make_unique<FillClaim>(engine, object_id);
      work();
      claim->flush();
      return claim;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kDatabaseUnavailable || attempt == kMostLostSessions) throw;
    }
  }
}

/// Somebody writes the same rows.
bool is_conflict(const Error& error) {
  return error.code() == ErrorCode::kConstraintViolation || error.code() == ErrorCode::kSerializationFailure;
}

/// Once nothing is missing any more, what fills of an object wrote for pages that they did not commit.
void remove_left_files(Engine& engine, const TableDef& table, std::int64_t object_id) {
  remove_unnamed_files(engine, table, announced_fills(*engine.connect(), object_id));
}

/// Rows that are computed and not yet in their filling generation. They are written while the next ones are computed.
class PendingCells {
 public:
  PendingCells(Engine& engine, std::int64_t operation_id, SqlTarget target)
      : engine_(engine), operation_id_(operation_id), target_(std::move(target)) {}

  void add(const RowSet& cells) {
    append_tuples(target_, cells, 0, tuples_);
    if (tuples_.size() > kBytesPerWrite || Clock::now() - last_ > kFlushAfter) write();
  }
  /// Throws what the writing of earlier rows failed with.
  void finish() {
    write();
    if (writing_.valid()) writing_.get();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void write() {
    last_ = Clock::now();
    if (writing_.valid()) writing_.get();
    if (tuples_.empty()) return;
    const Seats::SeatPtr seat = engine_.pool().seats().of_this_thread();
    writing_ = std::async(std::launch::async, [this, seat, tuples = std::exchange(tuples_, {})] {
      const Seats::Sharing sharing(seat);
      try {
        commit_quickly(engine_, operation_id_, [&](Connection& connection) { copy(connection, target_, tuples); });
      } catch (const Error& error) {
        if (!is_conflict(error)) throw;
        const Pool::Lease connection = engine_.connect();
        retry_publish(*connection, [&] {
          connection->run("begin; set local synchronous_commit = off");
          add_missing(*connection, tuples);
          connection->run("commit");
        });
      }
    });
  }

  static void copy(Connection& connection, const SqlTarget& target, const std::string& tuples) {
    bool given = false;
    connection.copy_in(copy_statement(target), [&](std::string& data) {
      if (std::exchange(given, true)) return false;
      data += tuples;
      return true;
    });
  }

  /// An update has written some of the rows meanwhile, from newer inputs.
  void add_missing(Connection& connection, const std::string& tuples) const {
    const SqlTarget buffer{"filled_cells", false, true, target_.columns};
    connection.run(fmt::format("create temp table {} (like {}) on commit drop", buffer.sql_table, target_.sql_table));
    copy(connection, buffer, tuples);
    connection.run(fmt::format("insert into {0} ({1}) select {1} from {2} on conflict (row_id) do nothing",
                               target_.sql_table, target_.column_list(), buffer.sql_table));
  }

  Engine& engine_;
  std::int64_t operation_id_;
  SqlTarget target_;
  std::string tuples_;
  Clock::time_point last_ = Clock::now();
  std::future<void> writing_;
};

class ColumnFill {
 public:
  ColumnFill(Engine& engine, std::int64_t table_id, std::int64_t column_id, OnError on_error)
      : engine_(engine),
        table_id_(table_id),
        column_id_(column_id),
        on_error_(on_error),
        operation_(new_operation(*engine.connect(), "add_column", engine.trees().of_table(table_id)->id, table_id)) {}

  UpdateStatus run(const std::string& name, const std::vector<Statement>& also) {
    operation_.activity = std::make_shared<Activity>(
        engine_.pool(),
        fmt::format("add column '{}' to '{}'", name, engine_.trees().of_table(table_id_)->table(table_id_).path),
        column_id_, on_error_ == OnError::kAbort ? "abort" : "ignore");
    try {
      const auto claim = claimed_while(engine_, column_id_, [this] {
        announce(operation_);
        fill();
      });
      const std::shared_ptr<const Tree> tree = engine_.trees().newest(table_id_);
      remove_left_files(engine_, tree->table(table_id_), column_id_);
      publish(name, also);
    } catch (...) {
      abandon();
      throw;
    }
    return computation_->status();
  }

 private:
  void fill() {
    std::shared_ptr<const Tree> tree = engine_.trees().reload(table_id_);
    const ColumnDef def = column_of(*tree);  // stays as it is while it is filling
    const std::string sql_table = tree->table(table_id_).sql_table_of(column_id_);
    const SqlTarget target{sql_table, false, true, {&def}};
    computation_.reset();  // its meter goes before the next one comes
    computation_ = std::make_unique<ColumnComputation>(engine_, *tree, def, operation_, on_error_);
    MissingRows missing(engine_, sql_table, "row_id");
    PendingCells pending(engine_, operation_.id, target);
    for (bool more = true; more;) {
      try {
        more = missing.read_page(tree, table_id_, computation_->inputs(*tree), [&](const RowSet& rows) {
          computation_->compute(*tree, rows, [&](const RowSet& cells) { pending.add(cells); });
        });
      } catch (const StaleSchema&) {
        tree = engine_.trees().reload(table_id_);
        static_cast<void>(column_of(*tree));
      }
    }
    pending.finish();
  }

  [[nodiscard]] const ColumnDef& column_of(const Tree& tree) const {
    const ColumnDef* column = tree.find_column(table_id_, column_id_);
    if (column == nullptr) throw Error(ErrorCode::kColumnNotFound, "the column was dropped while it was being filled");
    return *column;
  }

  [[nodiscard]] std::int64_t generation_of(const TableDef& table) const {
    for (const Generation& generation : table.generations)
      if (generation.column_ids.front() == column_id_) return generation.id;
    return 0;
  }

  void publish(const std::string& name, const std::vector<Statement>& also) {
    const std::shared_ptr<const Tree> tree = engine_.trees().newest(table_id_);
    std::vector<Statement> changes = also;
    changes.push_back(forget_fills(column_id_, operation_.id));
    changes.push_back(publish_generation(generation_of(tree->table(table_id_))));
    changes.push_back(publish_column(column_id_, name));
    run_publish(engine_, tree->id, std::move(changes), operation_, {computation_->version(name)});
  }

  void abandon() {
    try {
      const std::shared_ptr<const Tree> tree = engine_.trees().newest(table_id_);
      const std::int64_t generation = generation_of(tree->table(table_id_));
      if (generation == 0) return;
      const std::string sql_table = tree->table(table_id_).sql_table_of(column_id_);
      run_publish(engine_, tree->id,
                  {forget_fills(column_id_, operation_.id), end_column(column_id_, operation_.id),
                   end_generation(generation, operation_.id)},
                  operation_, {});
      engine_.connect()->run("drop table if exists " + sql_table);
      engine_.media_store().remove_operation(table_id_, operation_.id);
    } catch (...) {  // the reason for giving up matters more; the next process takes the fill up
    }
  }

  Engine& engine_;
  std::int64_t table_id_;
  std::int64_t column_id_;
  OnError on_error_;
  Operation operation_;
  std::unique_ptr<ColumnComputation> computation_;
};

class ViewFill {
 public:
  ViewFill(Engine& engine, std::int64_t view_id, OnError on_error)
      : engine_(engine),
        view_id_(view_id),
        on_error_(on_error),
        tree_(engine.trees().reload(view_id)),
        path_(view().path),
        operation_(new_operation(*engine.connect(), "create_view", tree_->id, view_id)),
        progress_(engine, fmt::format("create view '{}'", path_),
                  estimated_rows(*engine.connect(), tree_->table(view().base_id))) {}

  UpdateStatus run() {
    operation_.activity = std::make_shared<Activity>(engine_.pool(), fmt::format("create view '{}'", path_), view_id_,
                                                     on_error_ == OnError::kAbort ? "abort" : "ignore");
    progress_.watch(operation_);
    try {
      const auto claim = claimed_while(engine_, view_id_, [this] {
        tree_ = engine_.trees().reload(view_id_);
        if (!view().filling) return;  // another process was faster
        announce(operation_);
        fill();
      });
      if (view().filling) {
        remove_left_files(engine_, view(), view_id_);
        publish();
      }
    } catch (...) {
      abandon();
      throw;
    }
    return status_;
  }

 private:
  [[nodiscard]] const TableDef& view() const { return tree_->table(view_id_); }

  void fill() {
    MissingRows missing(engine_, view().rows_table(), view().has_iterator() ? "parent_id" : "row_id");
    for (bool more = true; more;) {
      const std::int64_t seen = last_published(*engine_.connect());
      try {
        more = missing.read_page(tree_, view().base_id, base_columns_for(*tree_, view()),
                                 [&](const RowSet& base) { derive(base, seen); });
      } catch (const StaleSchema&) {
        tree_ = engine_.trees().reload(view_id_);
      }
    }
  }

  /// `seen`: the place of the last operation before `base` was read.
  void derive(const RowSet& base, std::int64_t seen) {
    Spool spool(engine_.new_row_store());
    Derivation derivation(engine_, operation_, fmt::format("create view '{}'", path_), on_error_, spool, progress_);
    derivation.add_view_rows(*tree_, view(), base);
    std::vector<std::int64_t> ids;
    for (std::int64_t row = 0; row < base.num_rows; ++row) ids.push_back(base.columns.at(kRowIdColumn).int_at(row));
    if (!write(spool, ids, seen)) return derive_again(ids);
    progress_.advance(base.num_rows, 0);
    add_counts(derivation);
  }

  /// False: some of the base rows were changed meanwhile, and whoever changed them has made their rows.
  bool write(const Spool& spool, const std::vector<std::int64_t>& base_ids, std::int64_t seen) {
    try {
      commit_quickly(engine_, operation_.id, [&](Connection& connection) {
        // First the lock: writers hold it when they write the same rows, and would wait for these otherwise.
        connection.run(fmt::format("lock table lock_{} in exclusive mode", tree_->id));
        if (!touched_rows(connection, *tree_, view().base_id, base_ids, seen).empty()) throw RowsTouched();
        copy_rows(connection, *tree_, operation_.id, spool);
      });
      return true;
    } catch (const RowsTouched&) {
      return false;
    } catch (const Error& error) {
      if (!is_conflict(error)) throw;
      return false;
    }
  }

  void derive_again(const std::vector<std::int64_t>& base_ids) {
    engine_.check_interrupt();
    const std::int64_t seen = last_published(*engine_.connect());
    const std::set<std::int64_t> columns = base_columns_for(*tree_, view());
    ReadOptions options;
    options.chosen = RowChoice{false, base_ids};
    options.where = fmt::format("not exists (select from {} f where f.{} = t0.row_id)", view().rows_table(),
                                view().has_iterator() ? "parent_id" : "row_id");
    options.at_once = true;
    const auto rows = read_rows(engine_, tree_, view().base_id, {columns.begin(), columns.end()}, options);
    while (const std::optional<RowSet> batch = rows->next()) derive(*batch, seen);
  }

  void add_counts(const Derivation& derivation) {
    const auto counts = derivation.counts().find(view_id_);
    if (counts == derivation.counts().end()) return;
    status_.table.inserted += counts->second.inserted;
    status_.table.errors += counts->second.errors;
    status_.table.computed_values += counts->second.computed_values;
    for (const std::string& column : derivation.columns_with_errors()) {
      auto& known = status_.columns_with_errors;
      if (std::find(known.begin(), known.end(), column) == known.end()) known.push_back(column);
    }
  }

  void publish() {
    Statement live{"update tables set filling = false where id = $1 and until is null"};
    live.parameters.add(view_id_);
    run_publish(engine_, tree_->id, {forget_fills(view_id_, operation_.id), live}, operation_,
                {{view_id_, "Initial Version", status_.table}});
  }

  void abandon() {
    try {
      Statement end{"update tables set until = $2 where id = $1 and until is null"};
      end.parameters.add(view_id_).add(operation_.id);
      run_publish(engine_, tree_->id, {forget_fills(view_id_, operation_.id), end}, operation_, {});
      std::string drops = "drop table if exists " + view().rows_table();
      for (const Generation& generation : view().generations) drops += ", " + generation.sql_table;
      engine_.connect()->run(drops);
      engine_.media_store().remove_table(view_id_);
    } catch (...) {  // the reason for giving up matters more; the next process takes the fill up
    }
  }

  Engine& engine_;
  std::int64_t view_id_;
  OnError on_error_;
  std::shared_ptr<const Tree> tree_;
  std::string path_;
  Operation operation_;
  ProgressMeter progress_;
  UpdateStatus status_;
};

}  // namespace

FillClaim::FillClaim(Engine& engine, std::int64_t object_id)
    : connection_(engine.pool().take_aside()), object_id_(object_id) {
  const SqlParameters key = lock_parameters(object_id);
  while (connection_->query("select pg_try_advisory_lock($1)", key).int_at(0, 0) == 0) {
    engine.check_interrupt();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

FillClaim::~FillClaim() {
  try {
    connection_->query("select pg_advisory_unlock($1)", lock_parameters(object_id_));
  } catch (...) {  // the session is gone, and the lock with it
  }
}

void FillClaim::flush() {
  connection_->query("select pg_logical_emit_message(true, 'intarsia', '')");
}

bool FillClaim::is_taken(Engine& engine, std::int64_t object_id) {
  const Pool::Lease connection = engine.connect();
  const SqlParameters key = lock_parameters(object_id);
  if (connection->query("select pg_try_advisory_lock($1)", key).int_at(0, 0) == 0) return true;
  connection->query("select pg_advisory_unlock($1)", key);
  return false;
}

UpdateStatus fill_view(Engine& engine, std::int64_t view_id, OnError on_error) {
  return ViewFill(engine, view_id, on_error).run();
}

UpdateStatus fill_column(Engine& engine, std::int64_t table_id, std::int64_t column_id, const std::string& name,
                         OnError on_error, const std::vector<Statement>& also) {
  return ColumnFill(engine, table_id, column_id, on_error).run(name, also);
}

}  // namespace intarsia
