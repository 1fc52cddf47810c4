// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/log.h"
#include "telemetry/span.h"

namespace intarsia {

/// A call of the API, as the log and the observer of telemetry hear of it: its beginning at level debug, its end at
/// `level`, its failure as an error.
class OperationReport {
 public:
  /// `target`: the path of a table or a directory; empty: the whole instance.
  OperationReport(std::string_view kind, std::string target, LogLevel level = LogLevel::kInfo);
  ~OperationReport();
  OperationReport(const OperationReport&) = delete;
  OperationReport& operator=(const OperationReport&) = delete;

  void add(std::string name, decltype(Attribute::value) value);
  /// In a handler of the exception that ends it.
  void failed(const std::exception& error);

  /// Of the innermost operation of this thread, if it is in one: the id in all its entries.
  static void set_id(std::int64_t id);

 private:
  void log_end(LogLevel level, std::string_view event, std::string_view message);

  Span span_;
  std::string kind_;
  std::string target_;
  LogLevel level_;
  std::vector<Attribute> fields_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::int64_t outer_id_;
  OperationReport* outer_;
  bool failed_ = false;
};

/// `call(report)`, reported.
template <typename Call>
auto reported(std::string_view kind, std::string target, LogLevel level, const Call& call) {
  OperationReport report(kind, std::move(target), level);
  try {
    return call(report);
  } catch (const std::exception& error) {
    report.failed(error);
    throw;
  }
}

}  // namespace intarsia
