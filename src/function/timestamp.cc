// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unicode/timezone.h>

#include "function/arithmetic.h"
#include "function/builtins.h"
#include "function/calendar.h"
#include "function/define.h"
#include "function/json_value.h"

namespace intarsia {
namespace {

using MaybeInt = std::optional<std::int64_t>;

constexpr TypeKind kInt = TypeKind::kInt, kDate = TypeKind::kDate, kTimestamp = TypeKind::kTimestamp,
                   kString = TypeKind::kString;

JsonValue iso_calendar(Date date) {
  const IsoWeek iso = iso_week(date);
  return {{"year", iso.year}, {"week", iso.week}, {"weekday", iso.weekday}};
}

/// The instant stays: a Timestamp has no zone of its own. An unknown zone is an error.
Timestamp in_zone(Timestamp timestamp, const std::string& name) {
  const std::unique_ptr<icu::TimeZone> zone(icu::TimeZone::createTimeZone(icu::UnicodeString::fromUTF8(name)));
  if (*zone == icu::TimeZone::getUnknown())
    throw CellFailure("ZoneInfoNotFoundError", "No time zone found with key " + name);
  return timestamp;
}

CivilTime replaced(CivilTime time, MaybeInt year, MaybeInt month, MaybeInt day) {
  time.year = year.value_or(time.year);
  time.month = month.value_or(time.month);
  time.day = day.value_or(time.day);
  return time;
}

Timestamp replace_timestamp(Timestamp self, MaybeInt year, MaybeInt month, MaybeInt day, MaybeInt hour, MaybeInt minute,
                            MaybeInt second, MaybeInt microsecond) {
  CivilTime time = replaced(civil(self), year, month, day);
  time.hour = hour.value_or(time.hour);
  time.minute = minute.value_or(time.minute);
  time.second = second.value_or(time.second);
  time.microsecond = microsecond.value_or(time.microsecond);
  return timestamp_of(time);
}

Timestamp make_timestamp(std::int64_t year, std::int64_t month, std::int64_t day, std::int64_t hour,
                         std::int64_t minute, std::int64_t second, std::int64_t microsecond) {
  return timestamp_of({year, month, day, hour, minute, second, microsecond});
}

Date add_days(Date date, std::int64_t n) {
  const Date first = date_of({.year = 1}), last = date_of({.year = 9999, .month = 12, .day = 31});
  std::int64_t result;
  if (__builtin_add_overflow(std::int64_t{date.days}, n, &result) || result < first.days || result > last.days)
    throw CellFailure("OverflowError", "date value out of range");
  return {static_cast<std::int32_t>(result)};
}

/// timestamp.<part> of the parts of a time, where PostgreSQL's extract() of the field is the same.
template <std::int64_t CivilTime::*kPart>
void define_part(const std::string& name, const std::string& what) {
  const std::string field = name == "microsecond" ? "microseconds" : name;
  std::string sql = "floor(extract(" + field + " from {0} at time zone 'UTC'))::bigint";
  if (name == "microsecond") sql = "(" + sql + " % 1000000)";
  define_property("timestamp." + name, kTimestamp, kInt, "The " + what + ", in UTC.", "t.taken." + name,
                  scalar_kernel([](Timestamp t) { return civil(t).*kPart; }), {.sql = sql});
}

template <std::int64_t CivilTime::*kPart>
void define_date_part(const std::string& name) {
  define_property("date." + name, kDate, kInt, "The " + name + ".", "t.day." + name,
                  scalar_kernel([](Date d) { return civil(d).*kPart; }),
                  {.sql = "extract(" + name + " from {0})::bigint"});
}

std::vector<Parameter> maybe_ints(const Type& self, std::initializer_list<const char*> names) {
  std::vector<Parameter> parameters = {{"self", self}};
  for (const char* name : names) parameters.push_back(optional_parameter(name, Type(kInt, true), Value()));
  return parameters;
}

void register_timestamp_parts() {
  define_part<&CivilTime::year>("year", "year");
  define_part<&CivilTime::month>("month", "month, 1 to 12");
  define_part<&CivilTime::day>("day", "day of the month");
  define_part<&CivilTime::hour>("hour", "hour");
  define_part<&CivilTime::minute>("minute", "minute");
  define_part<&CivilTime::second>("second", "second, without its fraction");
  define_part<&CivilTime::microsecond>("microsecond", "fraction of the second in microseconds");
}

void register_timestamp_methods() {
  const std::vector<Parameter> self = {{"self", kTimestamp}};
  define_method("timestamp.date", self, kDate, "The day that it falls on in UTC.", "t.taken.date()",
                scalar_kernel(day_of), {.sql = "({0} at time zone 'UTC')::date"});
  define_method(
      "timestamp.astimezone", {{"self", kTimestamp}, {"tz", kString}}, kTimestamp,
      "The same instant: a Timestamp is kept and shown in UTC. A name that is no time zone is an error of the "
      "cell.",
      "t.taken.astimezone('America/New_York')", scalar_kernel(in_zone));
  define_method("timestamp.strip_timezone", self, kTimestamp, "The same time of day, in UTC.",
                "t.taken.strip_timezone()", scalar_kernel([](Timestamp t) { return t; }), {.sql = "{0}"});
  define_method("timestamp.weekday", self, kInt, "The day of the week; 0 is Monday.", "t.taken.weekday()",
                scalar_kernel([](Timestamp t) { return weekday(day_of(t)); }),
                {.sql = "(extract(isodow from {0} at time zone 'UTC')::bigint - 1)"});
  define_method("timestamp.isoweekday", self, kInt, "The day of the week; 1 is Monday.", "t.taken.isoweekday()",
                scalar_kernel([](Timestamp t) { return weekday(day_of(t)) + 1; }),
                {.sql = "extract(isodow from {0} at time zone 'UTC')::bigint"});
  define_method("timestamp.isocalendar", self, TypeKind::kJson,
                "{'year', 'week', 'weekday'} of the ISO calendar; weekday 1 is Monday.", "t.taken.isocalendar()",
                scalar_kernel([](Timestamp t) { return iso_calendar(day_of(t)); }));
  define_method(
      "timestamp.isoformat",
      {{"self", kTimestamp}, optional_parameter("sep", kString, "T"), optional_parameter("timespec", kString, "auto")},
      kString,
      "ISO 8601 text in UTC. `timespec` is 'auto', 'hours', 'minutes', 'seconds', 'milliseconds' or "
      "'microseconds'.",
      "t.taken.isoformat()", scalar_kernel([](Timestamp t, std::string_view sep, std::string_view timespec) {
        return iso_format(civil(t), sep, timespec);
      }));
  define_method("timestamp.strftime", {{"self", kTimestamp}, {"format", kString}}, kString,
                "Text by a format of % directives, as Python's strftime; in UTC, with English names.",
                "t.taken.strftime('%Y-%m-%d')", scalar_kernel([](Timestamp t, std::string_view format) {
                  return format_time(civil(t), format, "UTC", "+0000");
                }));
  define_method("timestamp.replace",
                maybe_ints(kTimestamp, {"year", "month", "day", "hour", "minute", "second", "microsecond"}), kTimestamp,
                "The time with some parts replaced. A time that does not exist is an error of the cell.",
                "t.taken.replace(hour=0, minute=0)", scalar_kernel(replace_timestamp));
  define_method("timestamp.toordinal", self, kInt, "Days since the year 1; its first of January is day 1.",
                "t.taken.toordinal()", scalar_kernel([](Timestamp t) { return ordinal(day_of(t)); }));
  define_method("timestamp.posix_timestamp", self, TypeKind::kFloat, "Seconds since 1970, with the fraction.",
                "t.taken.posix_timestamp()",
                scalar_kernel([](Timestamp t) { return Divide::apply(t.microseconds, std::int64_t{1'000'000}); }));
  std::vector<Parameter> parts = {{"year", kInt}, {"month", kInt}, {"day", kInt}};
  for (const char* name : {"hour", "minute", "second", "microsecond"})
    parts.push_back(optional_parameter(name, kInt, 0));
  define_method("timestamp.make_timestamp", parts, kTimestamp,
                "The time of these parts in UTC. One that does not exist is an error of the cell.",
                "pxt.functions.timestamp.make_timestamp(2020, 1, t.id)", scalar_kernel(make_timestamp));
}

void register_date_functions() {
  const std::vector<Parameter> self = {{"self", kDate}};
  define_date_part<&CivilTime::year>("year");
  define_date_part<&CivilTime::month>("month");
  define_date_part<&CivilTime::day>("day");
  define_method("date.make_date", {{"year", kInt}, {"month", kInt}, {"day", kInt}}, kDate,
                "The day of these parts. One that does not exist is an error of the cell.",
                "pxt.functions.date.make_date(2020, 1, t.id)",
                scalar_kernel([](std::int64_t year, std::int64_t month, std::int64_t day) {
                  return date_of({.year = year, .month = month, .day = day});
                }));
  define_method("date.weekday", self, kInt, "The day of the week; 0 is Monday.", "t.day.weekday()",
                scalar_kernel(weekday), {.sql = "(extract(isodow from {0})::bigint - 1)"});
  define_method("date.isoweekday", self, kInt, "The day of the week; 1 is Monday.", "t.day.isoweekday()",
                scalar_kernel([](Date d) { return weekday(d) + 1; }), {.sql = "extract(isodow from {0})::bigint"});
  define_method("date.isocalendar", self, TypeKind::kJson,
                "{'year', 'week', 'weekday'} of the ISO calendar; weekday 1 is Monday.", "t.day.isocalendar()",
                scalar_kernel(iso_calendar));
  define_method("date.isoformat", self, kString, "ISO 8601 text: '2020-01-31'.", "t.day.isoformat()",
                scalar_kernel([](Date d) { return iso_format(civil(d), "T", "auto").substr(0, 10); }));
  define_method("date.strftime", {{"self", kDate}, {"format", kString}}, kString,
                "Text by a format of % directives, as Python's strftime; with English names.",
                "t.day.strftime('%d %B %Y')",
                scalar_kernel([](Date d, std::string_view format) { return format_time(civil(d), format, "", ""); }));
  define_method("date.toordinal", self, kInt, "Days since the year 1; its first of January is day 1.",
                "t.day.toordinal()", scalar_kernel(ordinal));
  define_method("date.add_days", {{"self", kDate}, {"n", kInt}}, kDate, "The day so many days later.",
                "t.day.add_days(7)", scalar_kernel(add_days));
  define_method("date.replace", maybe_ints(kDate, {"year", "month", "day"}), kDate,
                "The day with some parts replaced. One that does not exist is an error of the cell.",
                "t.day.replace(day=1)", scalar_kernel([](Date d, MaybeInt year, MaybeInt month, MaybeInt day) {
                  return date_of(replaced(civil(d), year, month, day));
                }));
}

}  // namespace

void register_timestamp_functions() {
  register_timestamp_parts();
  register_timestamp_methods();
  register_date_functions();
}

}  // namespace intarsia
