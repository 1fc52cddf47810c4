// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace intarsia {

/// Where the number of a process means something: a run of a kernel, and a PID namespace there. Two containers on one
/// machine are two places.
struct Place {
  std::string boot;           ///< the kernel's boot id; empty: not known
  std::string pid_namespace;  ///< empty: not known

  [[nodiscard]] static Place here();
  /// What the fields "boot" and "pid_namespace" of an object say.
  [[nodiscard]] static Place from_json(const nlohmann::json& object);
  void to_json(nlohmann::json& object) const;

  [[nodiscard]] bool on_this_kernel() const;
  /// What is not known of the namespace counts as here.
  [[nodiscard]] bool is_here() const;
};

/// Whether a folder lies on a file system that one kernel alone writes: a disk of its own, or memory. Then flock
/// reaches everybody who could write there, other containers included, and what a kernel of before had open is closed.
[[nodiscard]] bool is_of_one_kernel(const std::filesystem::path& folder);

/// A field of an object, or what stands for nothing when there is none of that type.
[[nodiscard]] std::string text_field(const nlohmann::json& object, const char* field);
[[nodiscard]] std::int64_t number_field(const nlohmann::json& object, const char* field);

}  // namespace intarsia
