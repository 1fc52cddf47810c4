// SPDX-License-Identifier: Apache-2.0
#include "function/calendar.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>

#include "intarsia/error.h"

namespace intarsia {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

constexpr std::int64_t kDay = 86'400'000'000;  // in microseconds
constexpr std::int64_t kUnixOrdinal = 719163;  // of 1970-01-01

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0);
}

std::chrono::year_month_day ymd_of(Date date) {
  return sys_days(days(date.days));
}

[[noreturn]] void fail(const std::string& message) {
  throw CellFailure("ValueError", message);
}

void check_range(std::int64_t value, std::int64_t low, std::int64_t high, std::string_view what) {
  if (value < low || value > high) fail(fmt::format("{} must be in {}..{}", what, low, high));
}

std::tm broken_down(const CivilTime& time) {
  const Date date = date_of(time);
  std::tm result{};
  result.tm_year = static_cast<int>(time.year - 1900);
  result.tm_mon = static_cast<int>(time.month - 1);
  result.tm_mday = static_cast<int>(time.day);
  result.tm_hour = static_cast<int>(time.hour);
  result.tm_min = static_cast<int>(time.minute);
  result.tm_sec = static_cast<int>(time.second);
  result.tm_wday = static_cast<int>((weekday(date) + 1) % 7);
  result.tm_yday = date.days - date_of({.year = time.year}).days;
  return result;
}

/// The format with the directives filled in that the C library has not, or takes from the machine's time zone.
std::string with_own_directives(const CivilTime& time, std::string_view format, std::string_view zone,
                                std::string_view offset) {
  std::string result;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const char next = format[i] == '%' && i + 1 < format.size() ? format[i + 1] : '\0';
    if (next == 'f')
      result += fmt::format("{:06}", time.microsecond);
    else if (next == 'z')
      result += offset;
    else if (next == 'Z')
      result += zone;
    else if (next == 's')
      result += std::to_string(floor_divide(timestamp_of(time).microseconds, 1'000'000));
    else if (next != '\0')
      result.append({'%', next});
    else
      result += format[i] == '%' ? "%%" : std::string(1, format[i]);
    if (next != '\0') ++i;
  }
  return result;
}

}  // namespace

CivilTime civil(Timestamp timestamp) {
  CivilTime time = civil(day_of(timestamp));
  std::int64_t rest = timestamp.microseconds - day_of(timestamp).days * kDay;
  time.microsecond = rest % 1'000'000;
  rest /= 1'000'000;
  time.second = rest % 60;
  time.minute = rest / 60 % 60;
  time.hour = rest / 3600;
  return time;
}

CivilTime civil(Date date) {
  const auto ymd = ymd_of(date);
  return {.year = static_cast<int>(ymd.year()),
          .month = static_cast<unsigned>(ymd.month()),
          .day = static_cast<unsigned>(ymd.day())};
}

Date date_of(const CivilTime& time) {
  using namespace std::chrono;
  if (time.year < 1 || time.year > 9999) fail(fmt::format("year {} is out of range", time.year));
  check_range(time.month, 1, 12, "month");
  const auto first = year(static_cast<int>(time.year)) / static_cast<int>(time.month);
  const auto last_day = static_cast<unsigned>((first / last).day());
  if (time.day < 1 || time.day > last_day) fail("day is out of range for month");
  const sys_days day_number = first / static_cast<int>(time.day);
  return {static_cast<std::int32_t>(day_number.time_since_epoch().count())};
}

Timestamp timestamp_of(const CivilTime& time) {
  const Date date = date_of(time);
  check_range(time.hour, 0, 23, "hour");
  check_range(time.minute, 0, 59, "minute");
  check_range(time.second, 0, 59, "second");
  check_range(time.microsecond, 0, 999'999, "microsecond");
  const std::int64_t seconds = (time.hour * 60 + time.minute) * 60 + time.second;
  return {date.days * kDay + seconds * 1'000'000 + time.microsecond};
}

Date day_of(Timestamp timestamp) {
  return {static_cast<std::int32_t>(floor_divide(timestamp.microseconds, kDay))};
}

std::int64_t weekday(Date date) {
  constexpr int kFirst = 3;  // 1970-01-01 was a Thursday
  return ((date.days + kFirst) % 7 + 7) % 7;
}

std::int64_t ordinal(Date date) {
  return date.days + kUnixOrdinal;
}

IsoWeek iso_week(Date date) {
  // A week belongs to the year that its Thursday is in.
  const Date thursday{static_cast<std::int32_t>(date.days - weekday(date) + 3)};
  const auto year = ymd_of(thursday).year();
  const auto first = sys_days(year / 1 / 1).time_since_epoch().count();
  return {static_cast<int>(year), (thursday.days - first) / 7 + 1, weekday(date) + 1};
}

std::string format_time(const CivilTime& time, std::string_view format, std::string_view zone,
                        std::string_view offset) {
  // strftime gives 0 for an empty text and for one that does not fit: one more character tells them apart.
  const std::string pattern = with_own_directives(time, format, zone, offset) + " ";
  const std::tm parts = broken_down(time);
  std::string text(pattern.size() * 8 + 64, '\0');
  std::size_t length = 0;
  while ((length = std::strftime(text.data(), text.size(), pattern.c_str(), &parts)) == 0) text.resize(text.size() * 2);
  text.resize(length - 1);
  return text;
}

std::string iso_format(const CivilTime& t, std::string_view separator, std::string_view timespec) {
  std::string text = fmt::format("{:04}-{:02}-{:02}{}{:02}", t.year, t.month, t.day, separator, t.hour);
  if (timespec == "auto") timespec = t.microsecond != 0 ? "microseconds" : "seconds";
  if (timespec == "hours") return text + "+00:00";
  text += fmt::format(":{:02}", t.minute);
  if (timespec == "minutes") return text + "+00:00";
  text += fmt::format(":{:02}", t.second);
  if (timespec == "milliseconds")
    text += fmt::format(".{:03}", t.microsecond / 1000);
  else if (timespec == "microseconds")
    text += fmt::format(".{:06}", t.microsecond);
  else if (timespec != "seconds")
    fail("Unknown timespec value");
  return text + "+00:00";
}

}  // namespace intarsia
