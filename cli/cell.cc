// SPDX-License-Identifier: Apache-2.0
#include "cell.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <ctime>

namespace intarsia::cli {
namespace {

using Json_ = nlohmann::ordered_json;

constexpr std::int64_t kMicrosecondsPerSecond = 1000000;
constexpr std::int64_t kSecondsPerDay = 86400;

std::tm utc(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  return parts;
}

std::string date_text(Date date) {
  return fmt::format("{:%Y-%m-%d}", utc(date.days * kSecondsPerDay));
}

std::string base64(std::string_view bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) text += i + k <= bytes.size() ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

template <typename T>
Json_ number_at(const char* at) {
  T number;
  std::memcpy(&number, at, sizeof number);
  return number;
}

double half_at(const char* at) {
  const auto bits = number_at<std::uint16_t>(at).get<std::uint16_t>();
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 1023;
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}

Json_ element(DType dtype, const char* at) {
  switch (dtype) {
    case DType::kBool:
      return *at != 0;
    case DType::kInt8:
      return number_at<std::int8_t>(at);
    case DType::kInt16:
      return number_at<std::int16_t>(at);
    case DType::kInt32:
      return number_at<std::int32_t>(at);
    case DType::kInt64:
      return number_at<std::int64_t>(at);
    case DType::kUInt8:
      return number_at<std::uint8_t>(at);
    case DType::kUInt16:
      return number_at<std::uint16_t>(at);
    case DType::kUInt32:
      return number_at<std::uint32_t>(at);
    case DType::kUInt64:
      return number_at<std::uint64_t>(at);
    case DType::kFloat16:
      return half_at(at);
    case DType::kFloat32:
      return number_at<float>(at);
    case DType::kFloat64:
      return number_at<double>(at);
  }
  return nullptr;
}

/// Nested lists; `at` moves over the elements.
Json_ lists(const Array& array, std::size_t dimension, const char*& at) {
  if (dimension == array.shape.size()) {
    Json_ one = element(array.dtype, at);
    at += dtype_size(array.dtype);
    return one;
  }
  Json_ list = Json_::array();
  for (std::int64_t i = 0; i < array.shape[dimension]; ++i) list.push_back(lists(array, dimension + 1, at));
  return list;
}

/// The last parts of a path or URL: enough to know the file.
std::string short_path(const std::string& url) {
  const std::size_t name = url.find_last_of('/');
  return name == std::string::npos ? url : url.substr(name + 1);
}

struct Show {
  using Form = std::pair<std::string, Json_>;
  Form operator()(std::monostate) const { return {"", nullptr}; }
  Form operator()(bool value) const { return {value ? "true" : "false", value}; }
  Form operator()(std::int64_t value) const { return {std::to_string(value), value}; }
  Form operator()(double value) const { return {fmt::format("{:.6g}", value), value}; }
  Form operator()(const std::string& value) const { return {value, value}; }
  Form operator()(Timestamp value) const {
    Cell cell = timestamp_cell(value);
    return {std::move(cell.text), std::move(cell.json)};
  }
  Form operator()(Date value) const { return {date_text(value), date_text(value)}; }
  Form operator()(const Uuid& value) const { return {value.text(), value.text()}; }
  Form operator()(const Json& value) const { return {value.text, Json_::parse(value.text)}; }
  Form operator()(const Binary& value) const {
    return {size_cell(static_cast<std::int64_t>(value.bytes.size())).text, base64(value.bytes)};
  }
  Form operator()(const Array& value) const {
    const char* at = value.data.data();
    return {fmt::format("{}({})", dtype_name(value.dtype), fmt::join(value.shape, "×")), lists(value, 0, at)};
  }
  Form operator()(const MediaUrl& value) const { return {short_path(value.url), value.url}; }
  Form operator()(const Image& value) const {
    const std::string text = fmt::format("{}×{} {}", value.width(), value.height(), mode_name(value.mode()));
    return {text, text};
  }
};

}  // namespace

Cell::Cell(const Value& value) {
  std::tie(text, json) = std::visit(
      Show{}, static_cast<const std::variant<std::monostate, bool, std::int64_t, double, std::string, Timestamp, Date,
                                             Uuid, Json, Binary, Array, MediaUrl, Image>&>(value));
}

Cell timestamp_cell(Timestamp time) {
  const std::int64_t seconds =
      time.microseconds / kMicrosecondsPerSecond - (time.microseconds % kMicrosecondsPerSecond < 0);
  const std::tm parts = utc(seconds);
  const std::int64_t fraction = time.microseconds - seconds * kMicrosecondsPerSecond;
  return {fmt::format("{:%Y-%m-%d %H:%M:%S}", parts), fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", parts, fraction)};
}

Cell size_cell(std::int64_t bytes) {
  static constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (size >= 999.5 && unit + 1 < kUnits.size()) {
    size /= 1000;
    ++unit;
  }
  return {unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.{}f} {}", size, size < 9.95 ? 1 : 0, kUnits[unit]),
          bytes};
}

Cell duration_cell(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds);
  const std::int64_t minutes = whole / 60;
  const std::int64_t hours = minutes / 60;
  std::string text = fmt::format("{} s", whole);
  if (hours >= 48) {
    text = fmt::format("{} days {} h", hours / 24, hours % 24);
  } else if (hours > 0) {
    text = fmt::format("{} h {} min", hours, minutes % 60);
  } else if (minutes > 0) {
    text = fmt::format("{} min {} s", minutes, whole % 60);
  }
  return {text, seconds};
}

}  // namespace intarsia::cli
