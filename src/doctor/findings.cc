// SPDX-License-Identifier: Apache-2.0
#include "doctor/findings.h"

#include <fmt/format.h>

namespace intarsia {

void Findings::add(std::string where, std::string what, std::string cure) {
  found_.push_back({std::move(where), std::move(what), std::move(cure), false, false});
}

void Findings::add(std::string where, std::string what, std::string cure, const std::function<void()>& mend) {
  Finding finding{std::move(where), std::move(what), std::move(cure), true, false};
  if (fix_) {
    try {
      mend();
      finding.mended = true;
    } catch (const std::exception& error) {
      finding.cure += fmt::format(", which failed: {}", error.what());
    }
  }
  found_.push_back(std::move(finding));
}

}  // namespace intarsia
