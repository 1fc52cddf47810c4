// SPDX-License-Identifier: Apache-2.0
#include "telemetry/operation_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "intarsia/error.h"

namespace intarsia {

namespace {

thread_local OperationReport* current = nullptr;

/// As Python users see it.
std::string_view class_of(ErrorCode code) {
  static constexpr std::string_view kClasses[] = {
      "InternalError",      "NotFoundError",        "AlreadyExistsError",      "RequestError",
      "AuthorizationError", "ExternalServiceError", "ServiceUnavailableError", "ConcurrencyError"};
  const auto thousands = static_cast<std::size_t>(code) / 1000;
  return code == ErrorCode::kGenericUserError || thousands >= std::size(kClasses) ? "Error" : kClasses[thousands];
}

/// Errors whose words are names and numbers of ours. Others may quote cells, or what a user's function said of them.
bool quotes_no_values(ErrorCode code) {
  static constexpr ErrorCode kCodes[] = {
      ErrorCode::kColumnNotFound,    ErrorCode::kPathNotFound,         ErrorCode::kTableNotFound,
      ErrorCode::kDirectoryNotFound, ErrorCode::kFunctionNotFound,     ErrorCode::kColumnAlreadyExists,
      ErrorCode::kPathAlreadyExists, ErrorCode::kInvalidState,         ErrorCode::kDatabaseUnavailable,
      ErrorCode::kStoreUnavailable,  ErrorCode::kSerializationFailure, ErrorCode::kConcurrentModification};
  return std::find(std::begin(kCodes), std::end(kCodes), code) != std::end(kCodes);
}

std::string sqlstate_of(const Error& error) {
  constexpr std::string_view kBefore = "SQLSTATE ";
  constexpr std::size_t kLength = 5;
  const std::string& detail = error.detail();
  const bool has_one = detail.starts_with(kBefore) && detail.find(':') == kBefore.size() + kLength;
  return has_one ? detail.substr(kBefore.size(), kLength) : "";
}

}  // namespace

OperationReport::OperationReport(std::string_view kind, std::string target, LogLevel level)
    : span_(SpanKind::kOperation, target.empty() ? std::string(kind) : fmt::format("{} {}", kind, target)),
      kind_(kind),
      target_(std::move(target)),
      level_(level),
      outer_id_(set_logged_operation(0)),
      outer_(std::exchange(current, this)) {
  if (span_.is_observed()) {
    span_.set("intarsia.operation.kind", kind_);
    if (!target_.empty()) span_.set("intarsia.target", target_);
  }
  log_end(LogLevel::kDebug, "operation.start", "begins");
}

OperationReport::~OperationReport() {
  if (!failed_) log_end(level_, "operation.end", "done");
  set_logged_operation(outer_id_);
  current = outer_;
}

void OperationReport::add(std::string name, decltype(Attribute::value) value) {
  if (span_.is_observed()) span_.set("intarsia." + name, value);
  fields_.push_back({std::move(name), std::move(value)});
}

void OperationReport::set_id(std::int64_t id) {
  if (current == nullptr) return;
  set_logged_operation(id);
  current->span_.set("intarsia.operation.id", id);
}

void OperationReport::failed(const std::exception& error) {
  failed_ = true;
  const auto* ours = dynamic_cast<const Error*>(&error);
  if (ours == nullptr) {  // an interrupt, or an exception of an iterator over rows: the program knows
    span_.failed("interrupted", "");
    log_end(LogLevel::kWarning, "operation.interrupted", "ended by an exception of the program that called it");
    return;
  }
  std::string message =
      quotes_no_values(ours->code()) ? error.what() : "failed; the message may quote values, so only its caller has it";
  while (message.ends_with('\n')) message.pop_back();
  const std::string type(class_of(ours->code()));
  span_.failed(type, message);
  fields_.push_back({"error", type});
  fields_.push_back({"error_code", static_cast<std::int64_t>(ours->code())});
  if (const std::string state = sqlstate_of(*ours); !state.empty()) fields_.push_back({"sqlstate", state});
  log_end(LogLevel::kError, "operation.failed", message);
}

void OperationReport::log_end(LogLevel level, std::string_view event, std::string_view message) {
  if (!logs(level)) return;
  std::vector<Attribute> fields{{"kind", kind_}};
  if (!target_.empty()) fields.push_back({"target", target_});
  if (event != "operation.start") {
    const auto took = std::chrono::steady_clock::now() - begin_;
    fields.push_back({"seconds", std::chrono::duration<double>(took).count()});
  }
  fields.insert(fields.end(), fields_.begin(), fields_.end());
  log(level, event, fmt::format("{} {}: {}", kind_, target_.empty() ? "of the instance" : "'" + target_ + "'", message),
      fields);
}

}  // namespace intarsia
