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

namespace intarsia {

/// A column of a result or a select list.
struct NamedExpr {
  NamedExpr(Expr e) : expr(std::move(e)) {}  // NOLINT: implicit on purpose
  NamedExpr(std::string n, Expr e) : name(std::move(n)), expr(std::move(e)) {}
  std::string name;  ///< empty: chosen from the expression
  Expr expr;
};

/// All rows of a query, in memory.
class ResultSet {
 public:
  /// `held`: what lives as long as the result does.
  ResultSet(std::vector<std::string> names, std::vector<Type> types, std::vector<Batch> batches,
            std::shared_ptr<const void> held = nullptr);
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
  [[nodiscard]] const std::vector<Type>& types() const noexcept { return types_; }
  [[nodiscard]] const std::vector<Batch>& batches() const noexcept { return batches_; }
  [[nodiscard]] std::int64_t num_rows() const noexcept { return num_rows_; }
  /// The cell in `row` (over all batches) and `column`.
  [[nodiscard]] Value value(std::int64_t row, int column) const;

 private:
  std::vector<std::string> names_;
  std::vector<Type> types_;
  std::vector<Batch> batches_;
  std::int64_t num_rows_ = 0;
  std::shared_ptr<const void> held_;
};

struct QuerySpec;
class RunningQuery;

/// The rows of a query, batch by batch, however slowly they are taken: no statement stays open between batches, and
/// rows of operations that are published after the first batch are left out. Used by one thread at a time.
class Cursor {
 public:
  explicit Cursor(std::unique_ptr<RunningQuery> query);
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  ~Cursor();

  /// Names and types of the result.
  [[nodiscard]] const std::vector<std::pair<std::string, Type>>& schema() const noexcept { return schema_; }
  /// Never an empty batch; nullopt at the end.
  std::optional<Batch> next();

 private:
  std::unique_ptr<RunningQuery> query_;
  std::vector<std::pair<std::string, Type>> schema_;
};

/// A query over one table or view: immutable; each method gives a new one. Nothing runs before collect, count or
/// for_each_batch. Rows come in insertion order unless order_by says otherwise.
class Query {
 public:
  explicit Query(std::shared_ptr<const QuerySpec> spec) : spec_(std::move(spec)) {}

  /// Throws Error(kInvalidArgument) when there is a select list already or a name comes twice.
  [[nodiscard]] Query select(std::vector<NamedExpr> items) const;
  /// Several calls: all must hold. Throws Error(kTypeMismatch) unless the predicate is Bool.
  [[nodiscard]] Query where(const Expr& predicate) const;
  [[nodiscard]] Query order_by(std::vector<Expr> keys, bool ascending = true) const;
  [[nodiscard]] Query group_by(std::vector<Expr> keys) const;
  [[nodiscard]] Query limit(std::int64_t rows, std::int64_t offset = 0) const;

  /// Names and types of the result.
  [[nodiscard]] std::vector<std::pair<std::string, Type>> schema() const;
  /// All rows in memory. Throws Error(kUnsupportedOperation) when they do not fit into memory_limit.
  [[nodiscard]] ResultSet collect() const;
  /// For results that are larger than memory, or taken slowly.
  [[nodiscard]] Cursor cursor() const;
  [[nodiscard]] std::int64_t count() const;
  /// The first `n` rows in insertion order; the last `n`, also in insertion order.
  [[nodiscard]] ResultSet head(std::int64_t n = 10) const;
  [[nodiscard]] ResultSet tail(std::int64_t n = 10) const;
  /// The batches of a cursor; return false to stop.
  void for_each_batch(const std::function<bool(const Batch&)>& visit) const;
  /// What runs in SQL and what in the engine, as text.
  [[nodiscard]] std::string explain() const;
  [[nodiscard]] const QuerySpec& spec() const { return *spec_; }

 private:
  std::shared_ptr<const QuerySpec> spec_;
};

}  // namespace intarsia
