// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "intarsia/type.h"

namespace intarsia {

/// What a file is by the extension of its URL; kImage when that says nothing.
[[nodiscard]] TypeKind kind_of_url(std::string_view url);

}  // namespace intarsia
