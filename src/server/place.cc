// SPDX-License-Identifier: Apache-2.0
#include "server/place.h"

#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "server/home.h"

namespace intarsia {
namespace {

// <linux/magic.h> lacks some of them: ext2 to ext4, XFS, Btrfs, tmpfs, overlayfs, ZFS, F2FS, bcachefs.
constexpr std::array<std::uint32_t, 8> kOfOneKernel = {0xEF53,     0x58465342, 0x9123683E, 0x01021994,
                                                       0x794C7630, 0x2FC12FC1, 0xF2F52010, 0xCA451A4E};

std::string boot_id() {
  std::string id = read_whole("/proc/sys/kernel/random/boot_id").value_or("");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

std::string pid_namespace() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/ns/pid", ignored).string();
}

}  // namespace

Place Place::here() {
  return {boot_id(), intarsia::pid_namespace()};
}

Place Place::from_json(const nlohmann::json& object) {
  return {text_field(object, "boot"), text_field(object, "pid_namespace")};
}

void Place::to_json(nlohmann::json& object) const {
  object["boot"] = boot;
  object["pid_namespace"] = pid_namespace;
}

bool Place::on_this_kernel() const {
  return !boot.empty() && boot == boot_id();
}

bool Place::is_here() const {
  return on_this_kernel() && (pid_namespace.empty() || pid_namespace == intarsia::pid_namespace());
}

bool is_of_one_kernel(const std::filesystem::path& folder) {
  struct statfs system {};
  if (statfs(folder.c_str(), &system) != 0) return false;
  return std::find(kOfOneKernel.begin(), kOfOneKernel.end(), static_cast<std::uint32_t>(system.f_type)) !=
         kOfOneKernel.end();
}

std::string text_field(const nlohmann::json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::int64_t number_field(const nlohmann::json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

}  // namespace intarsia
