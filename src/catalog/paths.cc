// SPDX-License-Identifier: Apache-2.0
#include "catalog/paths.h"

#include <fmt/format.h>

#include <algorithm>

namespace intarsia {

namespace {

// Follows the directories as far as they go; beside the last one stands the table that has the next name.
constexpr const char* kFindPath = R"sql(
with recursive names as (select string_to_array($1, '/') as n), walk as (
  select 0::bigint as id, 0 as depth, 0::bigint as parent_id
  union all
  select d.id, w.depth + 1, w.id from walk w, names, directories d where d.parent_id = w.id and d.name = n[w.depth + 1])
select w.id, w.depth, w.parent_id, t.id, t.tree_id, t.kind, t.filling
from walk w cross join names left join tables t on t.directory_id = w.id and t.name = n[w.depth + 1] and t.until is null
order by w.depth desc limit 1)sql";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_name(std::string_view name) {
  return !name.empty() && is_letter(name[0]) && std::all_of(name.begin(), name.end(), [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

int count_names(const std::string& path) {
  return path.empty() ? 0 : static_cast<int>(std::count(path.begin(), path.end(), '/')) + 1;
}

/// The first `names` names of a path.
std::string prefix_of(const std::string& path, int names) {
  std::size_t end = 0;
  for (int i = 0; i < names && end != std::string::npos; ++i) end = path.find('/', end == 0 ? 0 : end + 1);
  return path.substr(0, end);
}

}  // namespace

std::string parse_path(std::string_view text, bool root_allowed) {
  std::string path(text);
  if (path.find('/') == std::string::npos) std::replace(path.begin(), path.end(), '.', '/');
  bool valid = root_allowed || !path.empty();
  for (std::size_t begin = 0; valid && !path.empty() && begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    valid = is_name(std::string_view(path).substr(begin, end - begin));
    begin = end + 1;
  }
  if (!valid)
    throw Error(
        ErrorCode::kInvalidPath,
        fmt::format("invalid path: '{}'; a path is names with '.' or '/' between them, each of letters, digits, "
                    "'_' and '-', beginning with a letter",
                    text));
  return path;
}

std::string name_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

PathEntry find_path(Connection& connection, const std::string& path) {
  SqlParameters parameters;
  parameters.add(std::string_view(path));
  const SqlRows row = connection.query(kFindPath, parameters);
  const int names = count_names(path);
  PathEntry entry;
  entry.path = path;
  entry.deepest_id = row.int_at(0, 0);
  entry.depth = static_cast<int>(row.int_at(0, 1));
  entry.parent_id = entry.deepest_id;
  if (entry.depth == names) {
    entry.kind = "dir";
    entry.id = entry.deepest_id;
    entry.parent_id = row.int_at(0, 2);
  } else if (entry.depth < names - 1) {
    entry.missing_directory = prefix_of(path, entry.depth + 1);
  } else if (!row.is_null(0, 3)) {
    entry.id = row.int_at(0, 3);
    entry.tree_id = row.int_at(0, 4);
    entry.kind = row.text_at(0, 5);
    entry.filling = row.int_at(0, 6) != 0;
  }
  return entry;
}

void require_parent(const std::string& described, const PathEntry& entry) {
  if (!entry.missing_directory.empty())
    throw Error(ErrorCode::kDirectoryNotFound,
                fmt::format("{}: directory '{}' does not exist; create it first", described, entry.missing_directory));
}

void require_table(const std::string& described, const PathEntry& entry) {
  require_parent(described, entry);
  if (entry.is_directory())
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: '{}' is a directory, and not a table", described, entry.path));
  if (!entry.exists())
    throw Error(ErrorCode::kPathNotFound, fmt::format("{}: path '{}' does not exist", described, entry.path));
  if (entry.filling)
    throw Error(ErrorCode::kPathNotFound,
                fmt::format("{}: view '{}' is still being created by another process", described, entry.path));
}

}  // namespace intarsia
