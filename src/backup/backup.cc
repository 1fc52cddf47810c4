// SPDX-License-Identifier: Apache-2.0
// Why a bundle is consistent: everything is read as of one snapshot. Files that its cells name were written before
// their operation was published and stay as long as the SQL tables do; these cannot go, since the snapshot's session
// holds a lock on them from the beginning, and a drop removes files in the transaction that removes tables.
#include "intarsia/backup.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cctype>
#include <ctime>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "backup/bundle.h"
#include "backup/bundle_format.h"
#include "backup/database_text.h"
#include "exec/engine.h"
#include "intarsia/database.h"
#include "intarsia/error.h"
#include "server/home.h"

namespace intarsia {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPartBytes = 16 << 20;
constexpr int kMostAttempts = 20;
constexpr const char* kSnapshotSession =
    "set idle_in_transaction_session_timeout = 0; begin isolation level repeatable read read only";

fs::path file_for(const fs::path& path, const fs::path& home) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path).lexically_normal();
  if (!fs::is_directory(absolute, error)) return absolute;
  return absolute /
         fmt::format("intarsia-{}-{:%Y%m%dT%H%M%SZ}.tar", home.filename().string(), fmt::gmtime(std::time(nullptr)));
}

/// Lines that set something which may be a secret are left out.
std::string without_secrets(const std::string& config) {
  static constexpr const char* kSecrets[] = {"db_url", "key", "token", "secret", "password", "credential"};
  std::istringstream lines(config);
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    std::string name = line.substr(0, line.find('='));
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    bool secret = false;
    for (const char* word : kSecrets) secret = secret || name.find(word) != std::string::npos;
    const auto first = line.find_first_not_of(" \t");
    if (!secret || first == std::string::npos || line[first] == '#') kept += line + "\n";
  }
  return kept;
}

class Backup {
 public:
  Backup(Engine& engine, const fs::path& path)
      : engine_(engine), snapshot_(engine.connect()), bundle_(file_for(path, engine.config().home)) {
    info_.path = file_for(path, engine.config().home);
  }
  ~Backup() {
    try {
      snapshot_->end_transaction();
      snapshot_->run("reset idle_in_transaction_session_timeout; set idle_in_transaction_session_timeout = '60s'");
    } catch (const Error&) {  // a lost session goes nowhere
    }
  }
  Backup(const Backup&) = delete;
  Backup& operator=(const Backup&) = delete;

  BackupInfo run() {
    open_snapshot();
    add_manifest();
    if (const auto config = read_whole(engine_.config().home / "config.toml"))
      bundle_.add(kConfigEntry, without_secrets(*config));
    for (const SqlTableText& table : schema_.tables) add_rows(table);
    add_media();
    bundle_.add(kSequencesEntry, read_sequences(*snapshot_));  // not before the rows: they only go up
    info_.bytes = bundle_.finish();
    return info_;
  }

 private:
  /// The tables of the snapshot, locked against being dropped. One that was dropped between the two is a reason to
  /// begin again.
  void open_snapshot() {
    for (int attempt = 0;; ++attempt) {
      try {
        snapshot_->run(kSnapshotSession);
        schema_ = read_schema(*snapshot_);
        std::string names;
        for (const SqlTableText& table : schema_.tables)  // histories go with their tables; their ALTER need not wait
          if (!table.name.ends_with("_h")) names += (names.empty() ? "" : ", ") + quote_identifier(table.name);
        snapshot_->run(fmt::format("lock table {} in access share mode", names));
        snapshot_name_ = snapshot_->query("select pg_export_snapshot()").text_at(0, 0);
        return;
      } catch (const std::exception& failure) {
        // PostgreSQL's own functions look at what is there now: "could not open relation with OID 17".
        const bool dropped = dynamic_cast<const StaleSchema*>(&failure) != nullptr ||
                             std::string_view(failure.what()).find("could not open relation") != std::string_view::npos;
        snapshot_->end_transaction();
        if (!dropped) throw;
        if (attempt == kMostAttempts)
          throw Error(ErrorCode::kConcurrentModification,
                      "backup: tables are dropped faster than they can be read; run "
                      "it again",
                      {}, true);
      }
    }
  }

  void add_manifest() {
    nlohmann::json manifest = {{"format", kBundleFormat},
                               {"intarsia", INTARSIA_VERSION},
                               {"catalog", snapshot_->query("select format from instance").int_at(0, 0)},
                               {"home", engine_.config().home.string()},
                               {"created", fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr)))},
                               {"before", schema_.before},
                               {"after", schema_.after},
                               {"tables", nlohmann::json::array()}};
    for (const SqlTableText& table : schema_.tables)
      manifest["tables"].push_back(
          {{"name", table.name}, {"columns", table.columns}, {"media_cells", table.media_cells}});
    info_.tables = snapshot_->query("select count(*) from tables where until is null").int_at(0, 0);
    bundle_.add(kManifestEntry, manifest.dump(1));
  }

  /// In a session of its own, whose lock on the table ends with it.
  void add_rows(const SqlTableText& table) {
    const Pool::Lease session = engine_.connect();
    session->run("begin isolation level repeatable read read only");
    session->run(fmt::format("set transaction snapshot {}", quote_literal(snapshot_name_)));
    std::string part;
    int number = 0;
    const auto flush = [&] {
      if (part.empty()) return;
      bundle_.add(fmt::format("{}{}/{:06}", kRowsFolder, table.name, number++), part);
      part.clear();
    };
    // Operations on their way are not: only what fills something goes on elsewhere.
    const char* const which = table.name == "activity" ? "where object_id <> 0" : "";
    const std::string query = fmt::format("select {} from {} {}", table.columns, quote_identifier(table.name), which);
    info_.rows += copy_text_out(*session, query, [&](std::string_view line) {
      part += line;
      if (part.size() >= kPartBytes) flush();
      engine_.check_interrupt();
    });
    flush();
    session->run("commit");
  }

  /// The files of published operations; of tables and columns that are being filled, of any.
  void add_media() {
    std::set<std::int64_t> tables, filling, published;
    collect("select distinct id from tables where until is null", tables);
    collect(
        "select distinct id from tables where filling and until is null union select table_id from columns where "
        "filling and until is null",
        filling);
    collect("select id from operations", published);
    std::error_code error;
    const fs::path media = engine_.config().home / "media";
    for (const auto& table : fs::directory_iterator(media, error)) {
      const std::int64_t id = number_of(table.path());
      if (!tables.contains(id)) continue;
      for (const auto& operation : fs::directory_iterator(table.path(), error)) {
        if (!filling.contains(id) && !published.contains(number_of(operation.path()))) continue;
        for (const auto& file : fs::directory_iterator(operation.path(), error)) add_file(media, file.path());
      }
    }
  }

  void add_file(const fs::path& media, const fs::path& file) {
    engine_.check_interrupt();
    if (bundle_.add_file(kMediaFolder + file.lexically_relative(media).string(), file)) ++info_.files;
  }

  void collect(const char* query, std::set<std::int64_t>& ids) {
    snapshot_->for_each_row(query, {}, [&](const SqlRows& row) { ids.insert(row.int_at(0, 0)); });
  }

  static std::int64_t number_of(const fs::path& path) { return std::atoll(path.filename().c_str()); }

  Engine& engine_;
  Pool::Lease snapshot_;
  std::string snapshot_name_;
  SchemaText schema_;
  BundleWriter bundle_;
  BackupInfo info_;
};

}  // namespace

BackupInfo write_backup(Database& database, const fs::path& path) {
  return Backup(*database.engine(), path).run();
}

}  // namespace intarsia
