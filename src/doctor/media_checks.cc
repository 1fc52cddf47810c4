// SPDX-License-Identifier: Apache-2.0
#include "doctor/media_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "doctor/findings.h"
#include "exec/engine.h"

namespace intarsia {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMedia = "/media/";

/// "7/12/3_5.png", a file's place in any home, of ".../media/7/12/3_5.png"; empty: it is no file of a media store.
std::string place_in_store(std::string_view path) {
  const auto media = path.rfind(kMedia);
  if (media == std::string_view::npos) return {};
  const std::string_view place = path.substr(media + kMedia.size());
  const auto first = place.find('/'), second = place.find('/', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return {};
  const bool is_number =
      first > 0 && second > first + 1 &&
      place.substr(0, first).find_first_not_of("0123456789") == std::string_view::npos &&
      place.substr(first + 1, second - first - 1).find_first_not_of("0123456789") == std::string_view::npos;
  return is_number && place.find('/', second + 1) == std::string_view::npos ? std::string(place) : std::string();
}

std::int64_t table_of(const std::string& place) {
  return std::stoll(place);
}

std::int64_t operation_of(const std::string& place) {
  return std::stoll(place.substr(place.find('/') + 1));
}

/// An SQL column with URLs.
struct MediaColumn {
  std::int64_t tree_id = 0;
  std::string label;  ///< "app/films.poster", or "... (history)"
  std::string sql_table;
  std::string sql_column;
  bool computed = false;
};

/// What is wrong with the cells of one column.
struct Missing {
  std::int64_t count = 0;
  std::int64_t row_id = 0;
  std::string url;

  void add(std::int64_t row, const std::string& of_url) {
    if (count++ > 0) return;
    row_id = row;
    url = of_url;
  }
};

class MediaCheck {
 public:
  MediaCheck(Engine& engine, Findings& findings)
      : engine_(engine), findings_(findings), root_(engine.config().home / "media"), connection_(engine.connect()) {}

  void run() {
    // Files first: an operation announces itself before it writes one, so whose writer is neither announced nor
    // published afterwards belongs to nobody.
    list_files();
    connection_->run("begin isolation level repeatable read read only");
    read_limits();
    std::vector<MediaColumn> columns = media_columns();
    std::map<std::size_t, Missing> missing;
    for (std::size_t i = 0; i < columns.size(); ++i) read_cells(columns[i], missing[i]);
    connection_->run("commit");
    for (const auto& [i, cells] : missing) report_missing(columns[i], cells);
    for (const auto& [old_root, count] : moved_) report_moved(columns, old_root, count);
    report_orphans();
  }

 private:
  void list_files() {
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(root_, error)) {
      if (!entry.is_regular_file(error)) continue;
      const std::string path = entry.path().string();
      if (const std::string place = place_in_store(path); !place.empty() && path == (root_ / place).string())
        named_.emplace(place, false);
    }
  }

  void read_limits() {
    const SqlRows running = connection_->query("select operation_id from activity");
    for (int row = 0; row < running.size(); ++row) running_.insert(running.int_at(row, 0));
    const SqlRows ids = connection_->query(
        "select (select last_value from object_ids), (select last_value from operation_ids), "
        "(select extract(epoch from min(created))::bigint from instance)");
    last_object_ = ids.int_at(0, 0);
    last_operation_ = ids.int_at(0, 1);
    created_ = ids.int_at(0, 2);
  }

  std::vector<MediaColumn> media_columns() {
    const SqlRows rows = connection_->query(
        "select distinct t.tree_id, concat_ws('/', nullif(directory_path(t.directory_id), ''), t.name) || '.' || "
        "c.name "
        "|| case when r.relname like '%\\_h' then ' (history)' else '' end, r.relname::text, a.attname::text, c.value "
        "is "
        "not null from columns c join tables t on t.id = c.table_id and t.until is null join pg_attribute a on "
        "a.attname "
        "= 'c' || c.id and not a.attisdropped join pg_class r on r.oid = a.attrelid and r.relkind = 'r' and "
        "r.relnamespace = 'intarsia'::regnamespace where c.type ->> 'kind' in ('Image', 'Video', 'Audio', 'Document') "
        "and c.since = (select max(since) from columns n where n.id = c.id) order by 3, 4");
    std::vector<MediaColumn> columns;
    for (int row = 0; row < rows.size(); ++row)
      columns.push_back({rows.int_at(row, 0), rows.text_at(row, 1), rows.text_at(row, 2), rows.text_at(row, 3),
                         rows.int_at(row, 4) != 0});
    return columns;
  }

  void read_cells(const MediaColumn& column, Missing& missing) {
    connection_->for_each_row(
        fmt::format("select row_id, {0} from {1} where {0} is not null", column.sql_column, column.sql_table), {},
        [&](const SqlRows& row) {
          const std::string url = row.text_at(0, 1), place = place_in_store(url);
          const auto file = place.empty() ? named_.end() : named_.find(place);
          const bool is_here = file != named_.end();
          if (is_here) file->second = true;
          if (!url.starts_with('/') || (is_here && url == (root_ / place).string())) return;
          std::error_code error;
          if (fs::exists(url, error) || error) return;
          if (is_here)
            ++moved_[url.substr(0, url.size() - place.size() - kMedia.size())];
          else
            missing.add(row.int_at(0, 0), url);
        });
  }

  void report_missing(const MediaColumn& column, const Missing& cells) {
    if (cells.count == 0) return;
    const std::string cure = column.computed ? "drop the column and add it again, or delete the rows"
                                             : "bring the file back, or update or delete the rows";
    findings_.add(column.label,
                  fmt::format("{} cells name a file that is not there, the first in row {}: '{}'", cells.count,
                              cells.row_id, cells.url),
                  cure);
  }

  /// The home lay elsewhere when the cells were written.
  void report_moved(const std::vector<MediaColumn>& columns, const std::string& old_root, std::int64_t count) {
    const std::string home = engine_.config().home.string();
    findings_.add(old_root, fmt::format("{} media cells name files of the home there, which are in '{}'", count, home),
                  "let them name those", [&] {
                    for (const MediaColumn& column : columns) rename_root(column, old_root + std::string(kMedia));
                  });
  }

  void rename_root(const MediaColumn& column, const std::string& old_media) {
    Statement update{fmt::format("update {0} set {1} = $1 || substr({1}, length($2) + 1) where starts_with({1}, $2)",
                                 column.sql_table, column.sql_column)};
    update.parameters.add(std::string_view(root_.string() + "/")).add(std::string_view(old_media));
    connection_->pipeline(
        {{"begin"}, {fmt::format("lock table lock_{} in exclusive mode", column.tree_id)}, update, {"commit"}});
  }

  /// Files that another database may have left in this home are not ours to remove: a home has one of its own even when
  /// db_url names another one, and it may have been made anew.
  [[nodiscard]] bool is_of_this_database(const std::string& place) const {
    if (!engine_.config().db_url.empty() && fs::exists(engine_.config().home / "pgdata")) return false;
    if (table_of(place) > last_object_ || operation_of(place) > last_operation_) return false;
    std::error_code gone;
    const auto age = fs::file_time_type::clock::now() - fs::last_write_time(root_ / place, gone);
    const auto written = std::chrono::system_clock::now() - std::chrono::duration_cast<std::chrono::seconds>(age);
    constexpr std::chrono::hours kClocksDiffer{1};
    return gone || written + kClocksDiffer >= std::chrono::system_clock::from_time_t(created_);
  }

  void report_orphans() {
    std::map<std::pair<std::string, bool>, std::vector<std::string>> folders;
    for (const auto& [place, is_named] : named_) {
      if (is_named || running_.contains(operation_of(place))) continue;
      folders[{place.substr(0, place.rfind('/')), is_of_this_database(place)}].push_back(place);
    }
    for (const auto& [key, folder] : folders) {
      const std::vector<std::string>& places = folder;  // clang captures no structured binding
      const bool ours = key.second;
      const std::string where = (root_ / key.first).string();
      const std::string what = fmt::format("{} media files that no cell names", places.size());
      if (ours)
        findings_.add(where, what, "remove them", [&] { remove(places); });
      else
        findings_.add(where, what + ", perhaps of another database", "move them away when nothing else needs them");
    }
  }

  void remove(const std::vector<std::string>& places) const {
    for (const std::string& place : places) {
      fs::remove(root_ / place);
      std::error_code not_empty;
      fs::remove((root_ / place).parent_path(), not_empty);
    }
  }

  Engine& engine_;
  Findings& findings_;
  fs::path root_;
  Pool::Lease connection_;
  std::unordered_map<std::string, bool> named_;  ///< by place in the store: whether a cell names the file
  std::map<std::string, std::int64_t> moved_;    ///< cells by the home that they name
  std::set<std::int64_t> running_;               ///< operations on their way, and those that wait to be discarded
  std::int64_t last_object_ = 0, last_operation_ = 0;
  std::time_t created_ = 0;
};

}  // namespace

void check_media(Engine& engine, Findings& findings) {
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    try {
      return MediaCheck(engine, findings).run();
    } catch (const StaleSchema&) {  // a table was dropped while its cells were read
      if (attempt == kAttempts) throw;
    }
  }
}

}  // namespace intarsia
