// SPDX-License-Identifier: Apache-2.0
// All SQL is one transaction, committed when the files are on the disk; what fails leaves an empty home and database.
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "backup/bundle.h"
#include "backup/bundle_format.h"
#include "backup/database_text.h"
#include "catalog/schema.h"
#include "intarsia/backup.h"
#include "intarsia/error.h"
#include "server/home.h"
#include "server/server.h"
#include "storage/durable_files.h"

namespace intarsia {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string percent_encoded(std::string_view path) {
  std::string encoded;
  for (const unsigned char c : path)
    encoded += std::isalnum(c) != 0 || std::string_view("/-_.~").find(static_cast<char>(c)) != std::string_view::npos
                   ? std::string(1, static_cast<char>(c))
                   : fmt::format("%{:02X}", c);
  return encoded;
}

/// Gives media cells of COPY text, line after line, the new home's folder in place of the old one's.
class MovedCells {
 public:
  MovedCells(const fs::path& from, const fs::path& to) {
    const std::string old_path = (from / "media/").string(), new_path = (to / "media/").string();
    forms_ = {
        {copy_escaped(old_path), copy_escaped(new_path)},
        {copy_escaped("file://" + percent_encoded(old_path)), copy_escaped("file://" + percent_encoded(new_path))},
        {copy_escaped("file://" + old_path), copy_escaped("file://" + new_path)}};
  }

  [[nodiscard]] std::string line(std::string_view text, const std::vector<std::int64_t>& media_cells) const {
    std::string moved;
    std::size_t next = 0;
    std::int64_t place = 0;
    for (std::size_t at = 0; at <= text.size(); ++place) {
      const std::size_t end = std::min(text.find('\t', at), text.size());
      std::string_view cell = text.substr(at, end - at);
      if (next < media_cells.size() && media_cells[next] == place) {
        ++next;
        for (const auto& [from, to] : forms_) {
          if (!cell.starts_with(from)) continue;
          moved += to;
          cell.remove_prefix(from.size());
          break;
        }
      }
      moved += cell;
      if (end < text.size()) moved += '\t';
      at = end + 1;
    }
    return moved;
  }

 private:
  std::vector<std::pair<std::string, std::string>> forms_;
};

bool has_instance(const fs::path& home) {
  std::error_code error;
  return fs::exists(home / "pgdata", error) ||
         (fs::is_directory(home / "media", error) && !fs::is_empty(home / "media", error));
}

class Restore {
 public:
  Restore(const Config& config, const fs::path& path) : config_(config), bundle_(fs::absolute(path)) {
    info_.path = fs::absolute(path);
  }

  BackupInfo run() {
    if (has_instance(config_.home)) {
      throw Error(ErrorCode::kPathAlreadyExists,
                  fmt::format("restore to '{}': that home has data already, and a restore overwrites nothing; give "
                              "another folder (--home), or move this one away",
                              config_.home.string()));
    }
    bundle_.verify();
    read_manifest();
    Connection connection(ensure_server(config_));
    try {
      restore_into(connection);
    } catch (...) {
      connection.end_transaction();
      std::error_code ignored;
      for (const auto& table : fs::directory_iterator(config_.home / "media", ignored)) fs::remove_all(table, ignored);
      if (config_.db_url.empty()) forget_server();
      throw;
    }
    info_.bytes = static_cast<std::int64_t>(fs::file_size(info_.path));
    return info_;
  }

 private:
  [[noreturn]] void fail(ErrorCode code, const std::string& what) const {
    throw Error(code, fmt::format("restore from '{}': {}", info_.path.string(), what));
  }

  void read_manifest() {
    static_cast<void>(bundle_.next());
    manifest_ = json::parse(bundle_.content(), nullptr, false);
    if (!manifest_.is_object()) fail(ErrorCode::kInvalidDataFormat, "its manifest is no JSON object");
    const int format = manifest_.value("format", 0), catalog = manifest_.value("catalog", 0);
    if (format > kBundleFormat || catalog > kCatalogFormat)
      fail(ErrorCode::kInvalidConfiguration,
           fmt::format(
               "it was written by Intarsia {} (bundle format {}, catalog format {}); this one reads formats up to "
               "{} and {}. Install a newer Intarsia (pip install --upgrade intarsia)",
               manifest_.value("intarsia", "?"), format, catalog, kBundleFormat, kCatalogFormat));
    for (const json& table : manifest_.at("tables"))
      tables_.push_back({table.at("name"), table.at("columns"), table.at("media_cells")});
  }

  void restore_into(Connection& connection) {
    if (connection.query("select to_regclass('intarsia.instance') is not null").bytes(0, 0)[0] != '\0')
      fail(ErrorCode::kPathAlreadyExists,
           "the database of db_url has an instance already, and a restore overwrites nothing; give another database");
    // Functions name tables that come later, perhaps.
    connection.run("set search_path = public; set timezone = 'UTC'; begin; set local check_function_bodies = off");
    connection.run(manifest_.at("before").get<std::string>());
    std::string sequences;
    while (const auto entry = bundle_.next()) {
      if (entry->name.starts_with(kRowsFolder))
        add_rows(connection, entry->name);
      else if (entry->name.starts_with(kMediaFolder))
        add_file(entry->name);
      else if (entry->name == kConfigEntry)
        add_config(bundle_.content());
      else if (entry->name == kSequencesEntry)
        sequences = bundle_.content();
    }
    connection.run(sequences);
    connection.run(manifest_.at("after").get<std::string>());
    info_.tables = connection.query("select count(*) from intarsia.tables where until is null").int_at(0, 0);
    if (info_.files > 0) write_through_file_system(config_.home);
    connection.run("commit");
  }

  void add_rows(Connection& connection, const std::string& entry) {
    const std::string name = entry.substr(kRowsFolder.size(), entry.rfind('/') - kRowsFolder.size());
    const auto table =
        std::find_if(tables_.begin(), tables_.end(), [&](const SqlTableText& known) { return known.name == name; });
    if (table == tables_.end()) fail(ErrorCode::kInvalidDataFormat, fmt::format("'{}' is of no table", entry));
    const MovedCells moved(manifest_.value("home", ""), config_.home);
    CopyTextIn copy(connection, *table);
    std::string rest;
    bundle_.each_piece([&](std::string_view piece) {
      if (table->media_cells.empty()) return copy.add(piece);
      rest += piece;
      std::string text;
      std::size_t at = 0;
      for (std::size_t end = 0; (end = rest.find('\n', at)) != std::string::npos; at = end + 1)
        text += moved.line(std::string_view(rest).substr(at, end - at), table->media_cells) + '\n';
      rest.erase(0, at);
      copy.add(text);
    });
    info_.rows += copy.finish();
  }

  void add_file(const std::string& entry) {
    const fs::path name = entry;
    for (const fs::path& part : name)
      if (part == "..") fail(ErrorCode::kInvalidDataFormat, fmt::format("'{}' leads out of the home", entry));
    const fs::path path = config_.home / name;
    fs::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    bundle_.each_piece(
        [&](std::string_view piece) { file.write(piece.data(), static_cast<std::streamsize>(piece.size())); });
    file.close();
    if (!file)
      fail(ErrorCode::kStoreUnavailable, fmt::format("cannot write '{}'; see whether the disk is full", path.string()));
    ++info_.files;
  }

  /// Not in place of one that somebody has written.
  void add_config(const std::string& content) const {
    const fs::path path = config_.home / "config.toml";
    if (const auto existing = read_whole(path); !existing || *existing == config_template())
      write_atomically(path, content);
  }

  /// The database that was made for the restore.
  void forget_server() const {
    try {
      stop_server(config_);
      fs::remove_all(config_.home / "pgdata");
    } catch (const std::exception&) {  // the reason for giving up matters more
    }
  }

  const Config& config_;
  BundleReader bundle_;
  json manifest_;
  std::vector<SqlTableText> tables_;
  BackupInfo info_;
};

}  // namespace

BackupInfo restore_backup(const Config& config, const fs::path& path) {
  return Restore(config, path).run();
}

}  // namespace intarsia
