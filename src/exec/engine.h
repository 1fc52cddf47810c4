// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "catalog/tree_cache.h"
#include "exec/kept_results.h"
#include "exec/memory.h"
#include "exec/row_store.h"
#include "exec/threads.h"
#include "intarsia/config.h"
#include "intarsia/database.h"
#include "intarsia/error.h"
#include "storage/history.h"
#include "storage/media_store.h"
#include "storage/pool.h"

namespace intarsia {

/// What every handle of an instance shares in this process. Thread-safe.
class Engine {
 public:
  explicit Engine(Config config);

  [[nodiscard]] const Config& config() const { return config_; }
  /// A session on the instance's database; the embedded server is started when it is not running.
  [[nodiscard]] Pool::Lease connect() { return pool_.take(); }
  [[nodiscard]] Pool& pool() { return pool_; }
  [[nodiscard]] Threads& threads() { return threads_; }
  [[nodiscard]] TreeCache& trees() { return trees_; }
  [[nodiscard]] HistoryTables& history() { return history_; }
  [[nodiscard]] KeptResults& results() { return results_; }
  [[nodiscard]] const MediaStore& media_store() const { return media_store_; }
  [[nodiscard]] const std::shared_ptr<MemoryBudget>& memory() const { return memory_; }
  /// A place for batches that an operation puts aside.
  [[nodiscard]] std::unique_ptr<RowStore> new_row_store();

  void set_progress(std::function<void(const Progress&)> observer);
  void set_interrupt_check(std::function<void()> check);
  [[nodiscard]] std::function<void(const Progress&)> progress() const;
  /// Between batches: what the check throws ends the operation.
  void check_interrupt() const;

  /// Calls `work(tree)` with the table's tree, and again with a newer one as often as StaleSchema says that it is old.
  /// `work` must not have done anything lasting when it gives StaleSchema.
  template <typename Work>
  auto with_tree(std::int64_t table_id, const Work& work) {
    std::shared_ptr<const Tree> tree = trees_.of_table(table_id);
    for (int attempt = 0;; ++attempt) {
      try {
        return work(*tree);
      } catch (const StaleSchema&) {
        if (attempt == kMostSchemaChanges) throw_schema_unsteady();
      }
      tree = trees_.reload(table_id);
    }
  }

 private:
  static constexpr int kMostSchemaChanges = 50;
  [[noreturn]] static void throw_schema_unsteady();
  void watch_locks(std::function<void()> check) const;

  Config config_;
  std::shared_ptr<MemoryBudget> memory_;
  Pool pool_;
  Threads threads_;
  TreeCache trees_;
  HistoryTables history_;
  KeptResults results_;
  MediaStore media_store_;
  mutable ForkMutex<> mutex_;
  std::function<void(const Progress&)> progress_;
  std::function<void()> interrupt_check_;
  AfterFork after_fork_;
};

}  // namespace intarsia
