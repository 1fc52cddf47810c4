// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "intarsia/config.h"

namespace intarsia {

class Findings;

/// The home's folder: whether this user can work in it, what lies in it, the disk. False when nothing else can be
/// looked at.
[[nodiscard]] bool check_home(const Config& config, Findings& findings);

/// Who has the home's data, what a killed server left, whether there is a database. False when a server must not be
/// started, because another machine has the home or the database is gone.
[[nodiscard]] bool check_ownership(const Config& config, Findings& findings);

}  // namespace intarsia
