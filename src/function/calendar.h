// SPDX-License-Identifier: Apache-2.0
// Civil dates and times as Python's datetime has them: years 1 to 9999, UTC.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "intarsia/value.h"

namespace intarsia {

struct CivilTime {
  std::int64_t year = 1, month = 1, day = 1, hour = 0, minute = 0, second = 0, microsecond = 0;
};

[[nodiscard]] CivilTime civil(Timestamp timestamp);
[[nodiscard]] CivilTime civil(Date date);
/// Throw CellFailure("ValueError") in Python's words when a part is out of range.
[[nodiscard]] Timestamp timestamp_of(const CivilTime& time);
[[nodiscard]] Date date_of(const CivilTime& time);
/// The day that a timestamp falls on.
[[nodiscard]] Date day_of(Timestamp timestamp);

/// 0 is Monday.
[[nodiscard]] std::int64_t weekday(Date date);
/// Days since the first of January of year 1, which is day 1.
[[nodiscard]] std::int64_t ordinal(Date date);

struct IsoWeek {
  std::int64_t year, week, weekday;  ///< weekday 1 is Monday
};
[[nodiscard]] IsoWeek iso_week(Date date);

/// As strftime in the C locale; also %f (microseconds). `zone` and `offset` are what %Z and %z give: "UTC" and "+0000".
[[nodiscard]] std::string format_time(const CivilTime& time, std::string_view format, std::string_view zone,
                                      std::string_view offset);
/// As Python's datetime.isoformat; throws CellFailure("ValueError") for an unknown `timespec`.
[[nodiscard]] std::string iso_format(const CivilTime& time, std::string_view separator, std::string_view timespec);

}  // namespace intarsia
