// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace intarsia {

class Engine;
class Findings;

/// SQL tables, indexes and entries that belong to nothing or are missing, operations that died, results beyond their
/// limit.
void check_catalog(Engine& engine, Findings& findings);

}  // namespace intarsia
