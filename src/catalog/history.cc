// SPDX-License-Identifier: Apache-2.0
#include "catalog/history.h"

#include <limits>

#include "storage/publish.h"

namespace intarsia {

std::vector<VersionInfo> read_history(Connection& connection, std::int64_t table_id,
                                      std::optional<std::int64_t> newest) {
  SqlParameters parameters;
  parameters.add(table_id).add(newest.value_or(std::numeric_limits<std::int64_t>::max()));
  const SqlRows rows = connection.query(
      "select v.n, (extract(epoch from o.at) * 1000000)::bigint, o.user_name, v.schema_change, v.counts::text "
      "from versions v join operations o on o.id = v.operation_id where v.table_id = $1 order by v.n desc limit $2",
      parameters);
  std::vector<VersionInfo> history;
  for (int row = 0; row < rows.size(); ++row) {
    VersionInfo& version = history.emplace_back();
    version.version = rows.int_at(row, 0);
    version.created_at = {rows.int_at(row, 1)};
    version.user = rows.text_at(row, 2);
    version.schema_change = !rows.is_null(row, 3);
    version.description = rows.text_at(row, 3);
    version.counts = counts_from_json(rows.bytes(row, 4));
  }
  return history;
}

std::int64_t read_version(Connection& connection, std::int64_t table_id) {
  SqlParameters parameters;
  parameters.add(table_id);
  const SqlRows row =
      connection.query("select n from versions where table_id = $1 order by n desc limit 1", parameters);
  return row.size() == 0 ? -1 : row.int_at(0, 0);
}

}  // namespace intarsia
