// SPDX-License-Identifier: Apache-2.0
// Kernels whose calls take so long that each is worth keeping (models, services): they tell of finished calls while
// others are still made, so that whatever becomes of the operation no finished call is made again.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "intarsia/batch.h"

namespace intarsia {

/// Takes calls that are finished: rows of the batch, and a cell for each.
using FinishedCalls = std::function<void(const std::vector<std::int64_t>& rows, const Column& results)>;
/// A kernel that tells, in any order; when it throws, first of all that were finished until then.
using TellingKernel =
    std::function<void(std::span<const Column> args, std::int64_t rows, const FinishedCalls& finished)>;

/// Gives a function, by name, a kernel that tells; used where results are kept, in place of the ordinary one.
void set_telling_kernel(const std::string& function, TellingKernel kernel);
/// Runs one as an ordinary kernel.
void run_in_order(const TellingKernel& kernel, std::span<const Column> args, std::int64_t rows, ColumnBuilder& out);

}  // namespace intarsia
