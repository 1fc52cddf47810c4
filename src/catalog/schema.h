// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "storage/connection.h"

namespace intarsia {

/// Number of the catalog's layout. A database with a newer one is refused.
inline constexpr int kCatalogFormat = 4;

/// Creates the catalog's SQL tables if they are not there. Safe when several processes do it at once.
/// Throws Error(kInvalidConfiguration) when the database was written by a newer version.
void ensure_catalog(Connection& connection);

}  // namespace intarsia
