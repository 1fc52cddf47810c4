// SPDX-License-Identifier: Apache-2.0
#include "server/lease_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/home.h"

namespace intarsia {

using nlohmann::json;

bool LeaseFile::operator==(const LeaseFile& other) const {
  return text() == other.text();
}

std::string LeaseFile::text() const {
  constexpr std::size_t kFileSize = 512;
  json lease = {{"owner", owner}, {"host", host}, {"pid", pid}, {"time", time}, {"period", period}};
  place.to_json(lease);
  std::string text = lease.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize(std::max(text.size() + 1, kFileSize), ' ');
  text.back() = '\n';
  return text;
}

std::string LeaseFile::describe() const {
  return fmt::format("the machine or container '{}' (process {} there)", host, pid);
}

std::filesystem::path lease_path(const std::filesystem::path& home) {
  return home / "lease.json";
}

std::optional<LeaseFile> read_lease(const std::filesystem::path& home) {
  const json lease = json::parse(read_whole(lease_path(home)).value_or(""), nullptr, false);
  if (!lease.is_object()) return std::nullopt;
  return LeaseFile{.owner = text_field(lease, "owner"),
                   .host = text_field(lease, "host"),
                   .place = Place::from_json(lease),
                   .pid = number_field(lease, "pid"),
                   .time = number_field(lease, "time"),
                   .period = number_field(lease, "period")};
}

std::optional<LeaseFile> lease_of_elsewhere(const std::filesystem::path& home) {
  auto lease = read_lease(home);
  if (lease && lease->place.is_here()) return std::nullopt;
  return lease;
}

std::string used_elsewhere(const std::filesystem::path& home, const LeaseFile& lease) {
  return fmt::format(
      "home '{}' is in use by {}, whose server cannot be used from here; two servers on the same data would destroy "
      "it. Stop Intarsia there (intarsia stop), or let both use one external server (db_url)",
      home.string(), lease.describe());
}

}  // namespace intarsia
