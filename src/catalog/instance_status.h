// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "intarsia/server.h"
#include "storage/connection.h"

namespace intarsia {

/// One query over the catalog and PostgreSQL's own.
[[nodiscard]] InstanceStatus read_instance_status(Connection& connection);

}  // namespace intarsia
