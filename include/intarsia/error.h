// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace intarsia {

/// What went wrong, by number. Thousands are the class of the error as Python users see it: 1xxx NotFoundError,
/// 2xxx AlreadyExistsError, 3xxx RequestError, 4xxx AuthorizationError, 5xxx ExternalServiceError,
/// 6xxx ServiceUnavailableError, 7xxx ConcurrencyError, 0 InternalError.
enum class ErrorCode : int {
  kInternal = 0,
  kGenericUserError = 1,
  kColumnNotFound = 1000,
  kPathNotFound = 1001,
  kTableNotFound = 1002,
  kDirectoryNotFound = 1003,
  kIndexNotFound = 1004,
  kFunctionNotFound = 1005,
  kRowNotFound = 1006,
  kColumnAlreadyExists = 2000,
  kPathAlreadyExists = 2001,
  kFunctionAlreadyExists = 2003,
  kInvalidColumnName = 3000,
  kInvalidPath = 3001,
  kInvalidExpression = 3002,
  kInvalidType = 3003,
  kInvalidSchema = 3004,
  kInvalidArgument = 3005,
  kInvalidDataFormat = 3006,
  kMissingRequired = 3007,
  kTypeMismatch = 3008,
  kConstraintViolation = 3009,
  kUnsupportedOperation = 3010,
  kInvalidState = 3011,
  kInvalidConfiguration = 3013,
  kProviderError = 5000,
  kDatabaseUnavailable = 6000,
  kStoreUnavailable = 6001,
  kSerializationFailure = 7000,
  kConcurrentModification = 7001,
};

/// The one exception of the engine. `what()` is the message; it names the operation, the rule that was broken, the
/// values and the cure. `detail` holds more for a log (SQL, a traceback). `retriable`: the same call may succeed later.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, std::string detail = {}, bool retriable = false)
      : std::runtime_error(message), code_(code), detail_(std::move(detail)), retriable_(retriable) {}

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }
  [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
  [[nodiscard]] bool retriable() const noexcept { return retriable_; }

 private:
  ErrorCode code_;
  std::string detail_;
  bool retriable_;
};

/// Thrown by a function for one row: the cell gets this error and the other rows go on. `type` is the name that
/// `t.col.errortype` shows, in Python's words where there is one ("ValueError", "ZeroDivisionError").
class CellFailure : public std::runtime_error {
 public:
  CellFailure(std::string type, const std::string& message) : std::runtime_error(message), type_(std::move(type)) {}
  [[nodiscard]] const std::string& type() const noexcept { return type_; }

 private:
  std::string type_;
};

}  // namespace intarsia
