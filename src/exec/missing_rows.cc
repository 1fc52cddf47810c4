// SPDX-License-Identifier: Apache-2.0
#include "exec/missing_rows.h"

#include <fmt/format.h>

#include "exec/read_rows.h"

namespace intarsia {

namespace {

constexpr std::int64_t kRowsPerPage = 8192;

}  // namespace

MissingRows::MissingRows(Engine& engine, std::string filled, std::string key)
    : engine_(engine), filled_(std::move(filled)), key_(std::move(key)) {}

bool MissingRows::read_page(const std::shared_ptr<const Tree>& tree, std::int64_t table_id,
                            const std::set<std::int64_t>& columns, const std::function<void(RowSet)>& work) {
  SqlParameters parameters;
  parameters.add(last_).add(kRowsPerPage);
  const SqlRows page = engine_.connect()->query(
      fmt::format("select max(row_id) from (select t0.row_id from {} t0 where t0.row_id > $1 and not exists (select "
                  "from {} f where f.{} = t0.row_id and f.{} > $1) order by t0.row_id limit $2) p",
                  tree->table(table_id).rows_table(), filled_, key_, key_),
      parameters);
  if (page.is_null(0, 0)) return false;
  const std::int64_t last = page.int_at(0, 0);
  ReadOptions options;
  options.range = RowRange{false, last_ + 1, last};
  options.where = fmt::format("not exists (select from {0} f where f.{1} = t0.row_id and f.{1} > {2} and f.{1} <= {3})",
                              filled_, key_, last_, last);
  options.at_once = true;
  const auto rows = read_rows(engine_, tree, table_id, {columns.begin(), columns.end()}, options);
  while (std::optional<RowSet> batch = rows->next()) work(std::move(*batch));
  last_ = last;
  return true;
}

}  // namespace intarsia
