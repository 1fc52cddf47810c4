// SPDX-License-Identifier: Apache-2.0
// Names of a bundle's entries, in their order, and the number of this order.
#pragma once

#include <string>

namespace intarsia {

inline constexpr int kBundleFormat = 1;
inline constexpr const char* kManifestEntry = "manifest.json";
inline constexpr const char* kConfigEntry = "config.toml";
inline const std::string kRowsFolder = "rows/";
inline const std::string kMediaFolder = "media/";
inline constexpr const char* kSequencesEntry = "sequences.sql";

}  // namespace intarsia
