// SPDX-License-Identifier: Apache-2.0
#include "catalog/instance_status.h"

namespace intarsia {

InstanceStatus read_instance_status(Connection& connection) {
  const SqlRows row = connection.query(R"sql(
    select current_setting('server_version'),
           pg_database_size(current_database()),
           (select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend'),
           (select count(*) from intarsia.directories),
           (select count(*) from intarsia.tables where until is null and base_id is null),
           (select count(*) from intarsia.tables where until is null and base_id is not null))sql");
  return {row.text_at(0, 0), row.int_at(0, 1), row.int_at(0, 2), row.int_at(0, 3), row.int_at(0, 4), row.int_at(0, 5)};
}

}  // namespace intarsia
