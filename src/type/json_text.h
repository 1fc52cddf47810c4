// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "intarsia/value.h"

namespace intarsia {

/// A string as Python's repr writes it: 'abc', "it's".
[[nodiscard]] std::string quoted_text(std::string_view text);
/// A number as Python's repr writes it: 1.0, 1e+16, nan.
[[nodiscard]] std::string float_text(double number);
/// A JSON document as Python's repr writes it: {'a': [1, True, None]}.
[[nodiscard]] std::string python_text(const Json& json);
/// "2020-01-01T00:00:00.5+00:00" and "2020-01-01".
[[nodiscard]] std::string iso_text(Timestamp timestamp);
[[nodiscard]] std::string iso_text(Date date);
/// The inverses; a timestamp may lack time, fraction or zone (UTC then). Throw Error(kInvalidArgument).
[[nodiscard]] Timestamp parse_iso_timestamp(std::string_view text);
[[nodiscard]] Date parse_iso_date(std::string_view text);
/// `text` as a JSON string, quotes included; bytes that are no UTF-8 are replaced.
[[nodiscard]] std::string json_string(std::string_view text);
/// `number` as JSON; null when it is not finite.
[[nodiscard]] std::string json_number(double number);

}  // namespace intarsia
