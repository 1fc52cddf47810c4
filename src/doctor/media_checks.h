// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace intarsia {

class Engine;
class Findings;

/// Media files that no cell names, now or in the history, and cells whose file is not there. Files of operations that
/// are on their way are left alone.
void check_media(Engine& engine, Findings& findings);

}  // namespace intarsia
