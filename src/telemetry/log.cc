// SPDX-License-Identifier: Apache-2.0
#include "telemetry/log.h"

#define SPDLOG_DISABLE_DEFAULT_LOGGER
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "storage/fork.h"
#include "telemetry/log_file.h"

namespace intarsia {

namespace {

using Json = nlohmann::ordered_json;

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    default:
      return spdlog::level::off;
  }
}

std::string text_of(const spdlog::memory_buf_t& buffer) {
  return {buffer.data(), buffer.size()};
}

class FileSink final : public spdlog::sinks::base_sink<ForkMutex<>> {
 public:
  FileSink(std::filesystem::path path, std::int64_t limit) : file_(std::move(path), limit) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    file_.write(text_of(line));
  }
  void flush_() override {}

  LogFile file_;
};

class StderrSink final : public spdlog::sinks::base_sink<ForkMutex<>> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  }
  void flush_() override {}
};

std::shared_ptr<spdlog::logger> new_logger(spdlog::sink_ptr sink, const char* pattern) {
  auto logger = std::make_shared<spdlog::logger>("intarsia", std::move(sink));
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
  logger->set_level(spdlog::level::debug);
  logger->set_error_handler([](const std::string&) {});
  return logger;
}

struct Loggers {
  std::shared_ptr<spdlog::logger> json;
  std::shared_ptr<spdlog::logger> people;  ///< null: not wanted
};

struct Shared {
  ForkMutex<> mutex;
  Loggers loggers;
};

Shared& shared() {
  static Shared* const instance = new Shared;  // used until the process ends
  return *instance;
}

Loggers loggers() {
  const std::lock_guard lock(shared().mutex);
  return shared().loggers;
}

thread_local std::int64_t operation = 0;

Json json_of(const Attribute& attribute) {
  return std::visit([](const auto& value) { return Json(value); }, attribute.value);
}

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);  // bytes that are no UTF-8 stop nothing
}

/// The object without its opening brace: the pattern writes what comes first.
std::string json_payload(std::string_view event, std::string_view message, std::span<const Attribute> fields) {
  Json json;
  if (operation != 0) json["operation"] = operation;
  json["event"] = event;
  json["message"] = message;
  for (const Attribute& field : fields) json[field.name] = json_of(field);
  return dumped(json).substr(1);
}

std::string people_payload(std::string_view event, std::string_view message, std::span<const Attribute> fields) {
  std::string text(message.empty() ? event : message);
  if (operation != 0) text += " operation=" + std::to_string(operation);
  for (const Attribute& field : fields) text += " " + field.name + "=" + dumped(json_of(field));
  return text;
}

}  // namespace

namespace detail {
std::atomic<LogLevel> log_level{LogLevel::kOff};
}

void open_log(const Config& config) {
  Loggers opened;
  opened.json = new_logger(std::make_shared<FileSink>(config.home / "logs" / "intarsia.log", config.log_limit),
                           R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","pid":%P,%v)");
  if (config.log_stderr) opened.people = new_logger(std::make_shared<StderrSink>(), "%H:%M:%S.%e %l: %v");
  const std::lock_guard lock(shared().mutex);
  std::swap(shared().loggers, opened);
  detail::log_level = config.log_level;
}

void log(LogLevel level, std::string_view event, std::string_view message, std::span<const Attribute> fields) noexcept {
  if (!logs(level)) return;
  try {
    const Loggers loggers = intarsia::loggers();
    if (loggers.json) loggers.json->log(spdlog_level(level), json_payload(event, message, fields));
    if (loggers.people) loggers.people->log(spdlog_level(level), people_payload(event, message, fields));
  } catch (const std::exception&) {  // a log is no reason to fail
  }
}

void log(LogLevel level, std::string_view event, std::string_view message,
         std::initializer_list<Attribute> fields) noexcept {
  log(level, event, message, std::span<const Attribute>(fields.begin(), fields.size()));
}

void log_event(LogLevel level, std::string_view event, std::string_view message,
               const std::vector<Attribute>& fields) noexcept {
  log(level, event, message, std::span<const Attribute>(fields));
}

std::int64_t set_logged_operation(std::int64_t id) noexcept {
  return std::exchange(operation, id);
}

std::int64_t logged_operation() noexcept {
  return operation;
}

}  // namespace intarsia
