// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "intarsia/batch.h"
#include "intarsia/expr.h"
#include "intarsia/query.h"

namespace intarsia {

class Engine;

enum class OnError { kAbort, kIgnore };
enum class MediaValidation { kOnWrite, kOnRead };
enum class IfExists { kError, kIgnore, kReplace, kReplaceForce };
enum class IfNotExists { kError, kIgnore };

/// Row counts of one SQL-visible change.
struct RowCounts {
  std::int64_t inserted = 0;
  std::int64_t updated = 0;
  std::int64_t deleted = 0;
  std::int64_t errors = 0;           ///< cells with an error
  std::int64_t computed_values = 0;  ///< cells computed
};

/// What an operation did.
struct UpdateStatus {
  RowCounts table;                           ///< the table the operation was called on
  RowCounts cascade;                         ///< its views
  std::vector<std::string> updated_columns;  ///< "table.column"
  std::vector<std::string> columns_with_errors;
};

/// A column as a user declares it.
struct ColumnSpec {
  std::string name;
  Type type;                                  ///< of a stored column; a computed one takes its expression's
  Expr value = {};                            ///< not empty: computed
  std::optional<bool> stored = std::nullopt;  ///< nullopt: computed images from cheap functions are stored too
  bool primary_key = false;
  std::optional<MediaValidation> media_validation = std::nullopt;
  std::string comment = {};
  std::string custom_metadata = {};  ///< JSON text, or empty
};

/// A column as the catalog knows it.
struct ColumnInfo {
  std::int64_t id = 0;
  std::string name;
  Type type;
  Expr value;          ///< empty: not computed
  bool stored = true;  ///< false: an iterator's column that is decoded on demand
  bool primary_key = false;
  bool from_iterator = false;
  std::string comment;
  std::string custom_metadata;
  std::optional<MediaValidation> media_validation;
  std::string defined_in;  ///< name of the table or view that has it
  std::int64_t table_id = 0;
  std::int64_t version_added = 0;
};

/// What a table is, all of it at one time.
struct TableInfo {
  std::int64_t id = 0;
  std::string uuid;
  std::string name;
  std::string path;  ///< "dir/name"
  std::string kind;  ///< "table", "view"
  std::string comment;
  std::string custom_metadata;  ///< JSON text, or empty
  MediaValidation media_validation = MediaValidation::kOnWrite;
  std::int64_t base_id = 0;         ///< of a view
  std::string iterator;             ///< "frame_iterator(video, fps=1)" of a view, or empty
  std::string predicate;            ///< of a view, or empty
  std::vector<ColumnInfo> columns;  ///< its own first, then those of its bases
};

/// One line of a table's history, newest first.
struct VersionInfo {
  std::int64_t version = 0;
  Timestamp created_at;
  std::string user;
  bool schema_change = false;
  RowCounts counts;
  std::string description;  ///< "Added: w", "Initial Version", or empty
};

struct InsertOptions {
  OnError on_error = OnError::kAbort;
};

struct UpdateOptions {
  bool cascade = true;  ///< false: what is computed from the updated columns stays as it is
};

/// A handle to a table or view. Copying copies a pointer. Thread-safe. Each call sees the newest schema; a handle to a
/// dropped table throws Error(kTableNotFound).
class Table {
 public:
  Table(std::shared_ptr<Engine> engine, std::int64_t id);

  [[nodiscard]] std::int64_t id() const noexcept { return id_; }
  [[nodiscard]] TableInfo info() const;
  [[nodiscard]] std::string path() const { return info().path; }
  [[nodiscard]] std::vector<ColumnInfo> columns() const { return info().columns; }
  [[nodiscard]] std::optional<Table> base() const;
  [[nodiscard]] std::vector<Table> views(bool recursive = true) const;
  [[nodiscard]] std::int64_t version() const;
  [[nodiscard]] std::vector<VersionInfo> history(std::optional<std::int64_t> newest = std::nullopt) const;

  /// Throws Error(kColumnNotFound) that lists the columns.
  [[nodiscard]] Expr operator[](std::string_view column) const;
  [[nodiscard]] Query query() const;

  /// Adds rows; columns by name, in any order. Missing nullable columns become null. No rows: nothing happens.
  /// Throws Error: kMissingRequired, kColumnNotFound, kTypeMismatch, kInvalidDataFormat, kUnsupportedOperation (a
  /// view).
  UpdateStatus insert(const Batch& rows, const InsertOptions& options = {});
  /// The same for rows that come batch by batch (empty: the end), published all at once.
  UpdateStatus insert(const std::function<std::optional<Batch>()>& next, const InsertOptions& options = {});
  /// Gives columns new values (literals, or expressions over the row as it was) in the rows for which `where` is true;
  /// an empty `where` means all of them. What is computed from these columns is computed again, in views too, and views
  /// let rows in and out; an error there stays in its cell. Throws Error: kColumnNotFound, kTypeMismatch,
  /// kUnsupportedOperation (a view, a computed column, a null that may not be), kInvalidDataFormat (media).
  UpdateStatus update(const std::vector<NamedExpr>& values, const Expr& where = {}, const UpdateOptions& options = {});
  /// Deletes the rows for which `where` is true, or all of them, and what views made of them. Throws Error:
  /// kUnsupportedOperation (a view).
  UpdateStatus delete_rows(const Expr& where = {});
  UpdateStatus add_computed_column(const ColumnSpec& column, OnError on_error = OnError::kAbort,
                                   IfExists if_exists = IfExists::kError);
  /// Stored columns, null in the rows that are there, all at once; then computed ones. kReplace and kReplaceForce: a
  /// column of the same name gives way unless something depends on it. Throws Error: kColumnAlreadyExists,
  /// kUnsupportedOperation (not nullable, and there are rows), kInvalidColumnName.
  UpdateStatus add_columns(const std::vector<ColumnSpec>& columns, OnError on_error = OnError::kAbort,
                           IfExists if_exists = IfExists::kError);
  /// Throws Error: kColumnNotFound, kUnsupportedOperation that names the columns and views that depend on it.
  void drop_column(const std::string& column, IfNotExists if_not_exists = IfNotExists::kError);
  /// Expressions that use the column follow. Throws Error: kColumnNotFound, kColumnAlreadyExists, kInvalidColumnName.
  void rename_column(const std::string& column, const std::string& new_name);

 private:
  std::shared_ptr<Engine> engine_;
  std::int64_t id_;
};

}  // namespace intarsia
