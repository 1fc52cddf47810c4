// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <cstdio>

#include "progress_line.h"

namespace intarsia::cli {
namespace {

void write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void write_json(const nlohmann::ordered_json& json) {
  write(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> Session::overrides() const {
  std::vector<std::pair<std::string, std::string>> overrides;
  if (!home.empty()) overrides.emplace_back("home", home);
  if (!db_url.empty()) overrides.emplace_back("db_url", db_url);
  return overrides;
}

Config Session::config() const {
  return Config::load(overrides());
}

Database& Session::database() {
  if (database_) return *database_;
  database_ = Database::open(config());
  if (database_->config().verbosity > 0) database_->set_progress(ProgressLine());
  return *database_;
}

void Session::show(const Listing& listing) const {
  if (as_json)
    write_json(listing.json());
  else
    write(listing.text(terminal_width()));
}

void Session::show(const Record& record) const {
  if (as_json)
    write_json(record.json());
  else
    write(record.text(terminal_width()));
}

void Session::show(const std::string& line) const {
  if (!as_json) write(line + "\n");
}

void Session::show(const Record& record, const std::string& name, const Listing& listing) const {
  if (!as_json) {
    show(record);
    write("\n");
    return show(listing);
  }
  nlohmann::ordered_json object = record.json();
  object[name] = listing.json();
  write_json(object);
}

}  // namespace intarsia::cli
