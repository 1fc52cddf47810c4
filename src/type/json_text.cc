// SPDX-License-Identifier: Apache-2.0
#include "type/json_text.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "intarsia/error.h"

namespace intarsia {
namespace {

std::string python_text(const nlohmann::ordered_json& json) {
  std::string text;
  switch (json.type()) {
    case nlohmann::json::value_t::null:
      return "None";
    case nlohmann::json::value_t::boolean:
      return json.get<bool>() ? "True" : "False";
    case nlohmann::json::value_t::string:
      return quoted_text(json.get_ref<const std::string&>());
    case nlohmann::json::value_t::number_float:
      return float_text(json.get<double>());
    case nlohmann::json::value_t::array:
      for (const auto& item : json) text += (text.empty() ? "" : ", ") + python_text(item);
      return "[" + text + "]";
    case nlohmann::json::value_t::object:
      for (const auto& [key, item] : json.items())
        text += (text.empty() ? "" : ", ") + quoted_text(key) + ": " + python_text(item);
      return "{" + text + "}";
    default:
      return json.dump();
  }
}

/// Reads the parts of an ISO 8601 time from left to right.
class IsoReader {
 public:
  explicit IsoReader(std::string_view text) : whole_(text), rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool next_is(std::string_view any_of) const {
    return !at_end() && any_of.find(rest_[0]) != std::string_view::npos;
  }
  char take() {
    if (at_end()) fail();
    const char c = rest_[0];
    rest_.remove_prefix(1);
    return c;
  }
  int number(int digits) {
    int value = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = take();
      if (c < '0' || c > '9') fail();
      value = value * 10 + (c - '0');
    }
    return value;
  }
  void expect(char c) {
    if (take() != c) fail();
  }
  [[noreturn]] void fail() const {
    throw Error(ErrorCode::kInvalidArgument, "not an ISO 8601 time: '" + std::string(whole_) + "'");
  }

  Date date() {
    const int year = number(4);
    expect('-');
    const int month = number(2);
    expect('-');
    const int day = number(2);
    const std::chrono::year_month_day ymd{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                          std::chrono::day(static_cast<unsigned>(day))};
    if (!ymd.ok()) fail();
    return {static_cast<std::int32_t>(std::chrono::sys_days(ymd).time_since_epoch().count())};
  }

  /// Microseconds since midnight.
  std::int64_t time() {
    std::int64_t seconds = number(2) * 3600;
    expect(':');
    seconds += number(2) * 60;
    if (next_is(":")) {
      take();
      seconds += number(2);
    }
    std::int64_t micros = 0;
    if (next_is(".,")) {
      take();
      std::int64_t unit = 100'000;
      for (; next_is("0123456789"); unit /= 10) micros += number(1) * unit;
    }
    return seconds * 1'000'000 + micros;
  }

  /// Microseconds east of UTC.
  std::int64_t zone() {
    if (at_end()) return 0;
    const char sign = take();
    if (sign == 'Z' || sign == 'z') return 0;
    if (sign != '+' && sign != '-') fail();
    std::int64_t minutes = number(2) * 60;
    if (next_is(":")) take();
    if (!at_end()) minutes += number(2);
    return (sign == '-' ? -minutes : minutes) * 60'000'000;
  }

 private:
  std::string_view whole_;
  std::string_view rest_;
};

constexpr std::int64_t kMicrosPerDay = 86'400'000'000;

}  // namespace

std::string quoted_text(std::string_view text) {
  const char quote = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\\' || c == quote)
      (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + quote;
}

std::string float_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", number);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string python_text(const Json& json) {
  const auto parsed = nlohmann::ordered_json::parse(json.text, nullptr, false);
  return parsed.is_discarded() ? json.text : python_text(parsed);
}

std::string iso_text(Date date) {
  const std::chrono::year_month_day ymd{std::chrono::sys_days(std::chrono::days(date.days))};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                     static_cast<unsigned>(ymd.day()));
}

std::string iso_text(Timestamp timestamp) {
  std::int64_t days = timestamp.microseconds / kMicrosPerDay;
  std::int64_t micros = timestamp.microseconds % kMicrosPerDay;
  if (micros < 0) {
    micros += kMicrosPerDay;
    --days;
  }
  const std::int64_t seconds = micros / 1'000'000;
  std::string text = iso_text(Date{static_cast<std::int32_t>(days)}) +
                     fmt::format("T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (micros % 1'000'000 != 0) text += fmt::format(".{:06}", micros % 1'000'000);
  return text + "+00:00";
}

Timestamp parse_iso_timestamp(std::string_view text) {
  IsoReader reader(text);
  std::int64_t micros = reader.date().days * kMicrosPerDay;
  if (reader.next_is("Tt ")) {
    reader.take();
    micros += reader.time();
    micros -= reader.zone();
  }
  if (!reader.at_end()) reader.fail();
  return {micros};
}

Date parse_iso_date(std::string_view text) {
  IsoReader reader(text);
  const Date date = reader.date();
  if (!reader.at_end()) reader.fail();
  return date;
}

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_number(double number) {
  return nlohmann::json(number).dump();
}

}  // namespace intarsia
