// SPDX-License-Identifier: Apache-2.0
#include "times.h"

#include <datetime.h>

#include <chrono>

#include "binding.h"
#include "cells_in.h"

namespace intarsia::python {
namespace {

using Days = std::chrono::sys_days;
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;

/// datetime's C interface; imported at first use.
void require_datetime() {
  if (PyDateTimeAPI != nullptr) return;
  PyDateTime_IMPORT;
  if (PyDateTimeAPI == nullptr) raise_python();
}

std::int32_t days_of(PyObject* date) {
  const std::chrono::year_month_day day{std::chrono::year(PyDateTime_GET_YEAR(date)),
                                        std::chrono::month(static_cast<unsigned>(PyDateTime_GET_MONTH(date))),
                                        std::chrono::day(static_cast<unsigned>(PyDateTime_GET_DAY(date)))};
  return static_cast<std::int32_t>(Days(day).time_since_epoch().count());
}

std::int64_t offset_of(PyObject* moment) {
  PyObject* const zone = PyDateTime_DATE_GET_TZINFO(moment);
  if (zone == Py_None || zone == PyDateTime_TimeZone_UTC) return 0;
  const nb::object offset = owned(PyObject_CallMethod(moment, "utcoffset", nullptr));
  if (offset.is_none()) return 0;
  return PyDateTime_DELTA_GET_DAYS(offset.ptr()) * kDay + PyDateTime_DELTA_GET_SECONDS(offset.ptr()) * kSecond +
         PyDateTime_DELTA_GET_MICROSECONDS(offset.ptr());
}

Timestamp timestamp_from(PyObject* moment) {
  const std::int64_t seconds = (PyDateTime_DATE_GET_HOUR(moment) * 60 + PyDateTime_DATE_GET_MINUTE(moment)) * 60 +
                               PyDateTime_DATE_GET_SECOND(moment);
  return {days_of(moment) * kDay + seconds * kSecond + PyDateTime_DATE_GET_MICROSECOND(moment) - offset_of(moment)};
}

/// What `kind`.fromisoformat makes of text; throws UnfitCell when it is no such text.
nb::object parsed(PyTypeObject* kind, const Type& type, PyObject* text) {
  nb::object result =
      nb::steal<nb::object>(PyObject_CallMethod(reinterpret_cast<PyObject*>(kind), "fromisoformat", "O", text));
  PyErr_Clear();
  if (!result.is_valid())
    throw UnfitCell("needs " + with_article(type) + " (ISO 8601 text will do), got " + described(text));
  return result;
}

std::chrono::year_month_day calendar_day(std::int64_t days) {
  return Days(std::chrono::days(days));
}

}  // namespace

bool is_datetime(PyObject* object) {
  require_datetime();
  return PyDateTime_Check(object);
}

bool is_date(PyObject* object) {
  require_datetime();
  return PyDate_Check(object);
}

Timestamp timestamp_of(const Type& type, PyObject* object) {
  require_datetime();
  if (PyDateTime_Check(object)) return timestamp_from(object);
  if (PyUnicode_Check(object)) return timestamp_from(parsed(PyDateTimeAPI->DateTimeType, type, object).ptr());
  throw UnfitCell("needs " + with_article(type) + " (datetime), got " + described(object));
}

Date date_of(const Type& type, PyObject* object) {
  require_datetime();
  if (PyDate_Check(object)) return {days_of(object)};
  if (PyUnicode_Check(object)) return {days_of(parsed(PyDateTimeAPI->DateType, type, object).ptr())};
  throw UnfitCell("needs " + with_article(type) + ", got " + described(object));
}

PyObject* datetime_object(Timestamp timestamp) {
  require_datetime();
  std::int64_t days = timestamp.microseconds / kDay, rest = timestamp.microseconds % kDay;
  if (rest < 0) {
    rest += kDay;
    --days;
  }
  const auto day = calendar_day(days);
  const auto seconds = static_cast<int>(rest / kSecond);
  PyObject* const result = PyDateTimeAPI->DateTime_FromDateAndTime(
      static_cast<int>(day.year()), static_cast<int>(static_cast<unsigned>(day.month())),
      static_cast<int>(static_cast<unsigned>(day.day())), seconds / 3600, seconds / 60 % 60, seconds % 60,
      static_cast<int>(rest % kSecond), PyDateTime_TimeZone_UTC, PyDateTimeAPI->DateTimeType);
  if (result == nullptr) raise_python();
  return result;
}

PyObject* date_object(Date date) {
  require_datetime();
  const auto day = calendar_day(date.days);
  PyObject* const result =
      PyDate_FromDate(static_cast<int>(day.year()), static_cast<int>(static_cast<unsigned>(day.month())),
                      static_cast<int>(static_cast<unsigned>(day.day())));
  if (result == nullptr) raise_python();
  return result;
}

}  // namespace intarsia::python
