// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "intarsia/config.h"
#include "intarsia/server.h"
#include "intarsia/table.h"

namespace intarsia {

/// What a directory holds.
struct DirectoryEntry {
  std::string path;  ///< "a/b"
  std::string name;
  std::string kind;           ///< "dir", "table", "view"
  std::string base;           ///< path of a view's base, or empty
  std::int64_t version = -1;  ///< of a table or view
};

struct TableOptions {
  IfExists if_exists = IfExists::kError;
  MediaValidation media_validation = MediaValidation::kOnWrite;
  OnError on_error = OnError::kAbort;
  std::string comment = {};
  std::string custom_metadata = {};
};

/// What long work reports about every 0.1 s, on the caller's thread.
struct Progress {
  std::string operation;    ///< "insert into 'app/docs'"
  std::int64_t rows = 0;    ///< done
  std::int64_t total = -1;  ///< -1: not known
  std::int64_t cells = 0;   ///< computed cells done
  double seconds = 0;
  bool finished = false;
};

/// An operation on its way, or one that died.
struct OperationInfo {
  std::int64_t id = 0;      ///< 0: a fill that was announced by nobody who is known
  std::string kind;         ///< "insert", "add_column", ...
  std::string description;  ///< "insert into 'app/docs'"
  std::string client;       ///< "host:process"
  std::string user;
  std::string state;        ///< "running"; "resumable": a fill whose process died; "dead": anything else
  double seconds = 0;       ///< since it began
  std::int64_t rows = 0;    ///< done
  std::int64_t total = -1;  ///< -1: not known
};

/// Results that are kept of one function.
struct KeptResultsInfo {
  std::string function;
  std::int64_t results = 0;
  std::int64_t bytes = 0;
  double seconds = 0;  ///< that the calls took
};

/// A column of a table with how many of its cells have an error.
struct ColumnErrors {
  std::string column;
  std::int64_t row_id = 0;
  CellError error;
};

/// An instance: its catalog, its server, its media store. Thread-safe. Opening starts the embedded server when nobody
/// has yet; closing (the last copy goes away) leaves it to the other processes.
class Database {
 public:
  static Database open(const Config& config = Config::load());

  /// Paths: "a.b.c" or "a/b/c". Throws Error(kInvalidPath | kDirectoryNotFound | kPathAlreadyExists).
  void create_directory(std::string_view path, IfExists if_exists = IfExists::kError, bool parents = false);
  void drop_directory(std::string_view path, bool force = false, IfNotExists if_not_exists = IfNotExists::kError);
  /// Entries of a directory ("" is the root), by name; recursive ones depth first.
  [[nodiscard]] std::vector<DirectoryEntry> list(std::string_view path = "", bool recursive = false) const;

  Table create_table(std::string_view path, const std::vector<ColumnSpec>& columns, const TableOptions& options = {});
  /// `iterator`: a call of an iterator function over columns of `base`, or empty. `predicate`: rows of the base to
  /// keep, or empty; with an iterator it filters the base rows that are expanded.
  Table create_view(std::string_view path, const Table& base, const Expr& iterator, const Expr& predicate = {},
                    const std::vector<ColumnSpec>& columns = {}, const TableOptions& options = {});
  [[nodiscard]] Table get_table(std::string_view path) const;
  [[nodiscard]] std::optional<Table> find_table(std::string_view path) const;
  /// With `force` also every view on it. Throws Error(kConstraintViolation) that names the dependents otherwise.
  void drop_table(std::string_view path, bool force = false, IfNotExists if_not_exists = IfNotExists::kError);
  void drop_table(const Table& table, bool force = false);

  [[nodiscard]] const Config& config() const;
  [[nodiscard]] std::string server_version() const;
  [[nodiscard]] InstanceStatus status() const;
  /// At most `limit` cells of a table that have an error.
  [[nodiscard]] std::vector<ColumnErrors> errors(const Table& table, std::int64_t limit = 100) const;

  /// Operations that take time and are not done, the oldest first. What died and cannot be resumed is discarded when an
  /// instance is opened.
  [[nodiscard]] std::vector<OperationInfo> operations() const;
  /// Takes up the fills of columns and views whose processes died; the number of those that are done now. A fill whose
  /// function is not there is left as it is.
  std::int64_t resume_fills();
  /// Removes what operations that died have left; the number of those.
  std::int64_t discard_dead();

  /// Results of functions that take time, kept so that no finished call is made again; at most results_limit bytes.
  [[nodiscard]] std::vector<KeptResultsInfo> kept_results() const;
  /// Removes those of one function, or all; the number of results.
  std::int64_t clear_results(const std::string& function = "");

  void set_progress(std::function<void(const Progress&)> observer);
  /// Asked between batches on the caller's thread; throw from it to interrupt (Ctrl-C).
  void set_interrupt_check(std::function<void()> check);
  [[nodiscard]] const std::shared_ptr<Engine>& engine() const { return engine_; }

 private:
  explicit Database(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}
  std::shared_ptr<Engine> engine_;
};

}  // namespace intarsia
