// SPDX-License-Identifier: Apache-2.0
// PostgreSQL's binary COPY: the header, tuples of {int16 fields; int32 length, payload each}, int16 -1. Big-endian.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace intarsia::limits {

inline constexpr std::string_view kCopyHeader{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};

template <std::unsigned_integral T>
T swapped(T number) {
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(number);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(number);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(number);
}

/// Makes tuples in a string that the owner empties.
class CopyEncoder {
 public:
  void tuple(int fields) { number(static_cast<std::uint16_t>(fields)); }
  void int_field(std::int64_t value) {
    number(std::uint32_t{8});
    number(static_cast<std::uint64_t>(value));
  }
  void float_field(double value) { int_field(std::bit_cast<std::int64_t>(value)); }
  void text_field(std::string_view text) {
    number(static_cast<std::uint32_t>(text.size()));
    bytes += text;
  }
  void jsonb_field(std::string_view json) {
    number(static_cast<std::uint32_t>(json.size() + 1));
    bytes += '\1';  // the version of the format
    bytes += json;
  }

  std::string bytes;

 private:
  template <std::unsigned_integral T>
  void number(T value) {
    value = swapped(value);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
};

/// Walks the fields of one message of a COPY TO STDOUT; nulls do not occur here.
class CopyDecoder {
 public:
  explicit CopyDecoder(std::string_view message) : rest_(message) {
    if (rest_.starts_with(kCopyHeader.substr(0, 11))) rest_.remove_prefix(kCopyHeader.size());
    at_end_ = rest_.size() < 2 || number<std::uint16_t>() == 0xFFFF;
  }
  [[nodiscard]] bool at_end() const { return at_end_; }  ///< the trailer, not a tuple
  std::string_view field() {
    const std::uint32_t size = number<std::uint32_t>();
    const std::string_view payload = rest_.substr(0, size);
    rest_.remove_prefix(payload.size());
    return payload;
  }
  std::int64_t int_field() {
    std::uint64_t value = 0;
    const std::string_view payload = field();
    std::memcpy(&value, payload.data(), sizeof value);
    return static_cast<std::int64_t>(swapped(value));
  }

 private:
  template <std::unsigned_integral T>
  T number() {
    T value = 0;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return swapped(value);
  }

  std::string_view rest_;
  bool at_end_ = false;
};

}  // namespace intarsia::limits
