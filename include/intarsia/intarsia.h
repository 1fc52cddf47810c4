// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "intarsia/backup.h"    // IWYU pragma: export
#include "intarsia/batch.h"     // IWYU pragma: export
#include "intarsia/config.h"    // IWYU pragma: export
#include "intarsia/database.h"  // IWYU pragma: export
#include "intarsia/doctor.h"    // IWYU pragma: export
#include "intarsia/error.h"     // IWYU pragma: export
#include "intarsia/expr.h"      // IWYU pragma: export
#include "intarsia/function.h"  // IWYU pragma: export
#include "intarsia/media.h"     // IWYU pragma: export
#include "intarsia/query.h"     // IWYU pragma: export
#include "intarsia/server.h"    // IWYU pragma: export
#include "intarsia/table.h"     // IWYU pragma: export
#include "intarsia/type.h"      // IWYU pragma: export
#include "intarsia/value.h"     // IWYU pragma: export
