// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "telemetry/function_counters.h"
#include "telemetry/span.h"

namespace intarsia {

/// A call of a function for some rows, from its making to its end: counted, and a span.
class ReportedCall {
 public:
  ReportedCall(std::string_view function, std::int64_t rows)
      : span_(SpanKind::kFunction, function), counted_(function, rows) {
    span_.set_rows(rows);
  }
  void failed(std::int64_t rows) {
    counted_.failed(rows);
    if (span_.is_observed()) span_.set("intarsia.errors", rows);
  }

 private:
  Span span_;
  MeasuredCall counted_;
};

}  // namespace intarsia
