// SPDX-License-Identifier: Apache-2.0
#include "storage/wire.h"

#include <bit>
#include <cstring>
#include <stdexcept>

#include "intarsia/error.h"

namespace intarsia::wire {

namespace {

// PostgreSQL counts time from 2000-01-01.
constexpr std::int64_t kEpochMicroseconds = 946'684'800'000'000;
constexpr std::int32_t kEpochDays = 10'957;
constexpr std::uint32_t kIntOid = 20;

struct StoredAs {
  std::uint32_t oid;
  std::uint32_t array_oid;
  std::string_view sql_type;
};

const StoredAs& stored_as(TypeKind kind) {
  static constexpr StoredAs kTypes[] = {
      {20, 1016, "bigint"},   // kInt
      {701, 1022, "float8"},  // kFloat
      {25, 1009, "text"},     // kString
      {16, 1000, "bool"},     // kBool
      {1184, 1185, "timestamptz"}, {1082, 1182, "date"}, {2950, 2951, "uuid"},
      {3802, 3807, "jsonb"},       {17, 1001, "bytea"},  // kArray
      {17, 1001, "bytea"},                               // kBinary
      {25, 1009, "text"},                                // media: URLs
      {25, 1009, "text"},          {25, 1009, "text"},   {25, 1009, "text"},
  };
  return kTypes[static_cast<int>(kind)];
}

template <typename T>
void append_big_endian(T value, std::string& out) {
  if constexpr (sizeof(T) == 8) value = static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  if constexpr (sizeof(T) == 4) value = static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  if constexpr (sizeof(T) == 2) value = static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

template <typename T>
T read_big_endian(std::string_view bytes) {
  if (bytes.size() < sizeof(T)) throw Error(ErrorCode::kInternal, "PostgreSQL sent a field that is too short");
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  return value;
}

void begin_array(std::uint32_t element_oid, std::int64_t length, bool has_nulls, std::string& out) {
  append_big_endian<std::int32_t>(length == 0 ? 0 : 1, out);
  append_big_endian<std::int32_t>(has_nulls ? 1 : 0, out);
  append_big_endian<std::uint32_t>(element_oid, out);
  if (length == 0) return;
  append_big_endian<std::int32_t>(static_cast<std::int32_t>(length), out);
  append_big_endian<std::int32_t>(1, out);
}

}  // namespace

std::uint32_t oid(const Type& type) {
  return stored_as(type.kind()).oid;
}
std::uint32_t array_oid(const Type& type) {
  return stored_as(type.kind()).array_oid;
}
std::string_view sql_type(const Type& type) {
  return stored_as(type.kind()).sql_type;
}

void append_payload(const Column& column, std::int64_t row, std::string& out) {
  switch (column.type().kind()) {
    case TypeKind::kInt:
      return append_big_endian(column.int_at(row), out);
    case TypeKind::kFloat:
      return append_big_endian(std::bit_cast<std::int64_t>(column.float_at(row)), out);
    case TypeKind::kBool:
      return out.push_back(column.bool_at(row) ? '\1' : '\0');
    case TypeKind::kTimestamp:
      return append_big_endian(column.timestamp_at(row).microseconds - kEpochMicroseconds, out);
    case TypeKind::kDate:
      return append_big_endian(column.date_at(row).days - kEpochDays, out);
    case TypeKind::kUuid: {
      const Uuid uuid = column.uuid_at(row);
      out.append(reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size());
      return;
    }
    case TypeKind::kJson:
      out.push_back('\1');  // version of jsonb's format
      [[fallthrough]];
    default:
      out.append(column.text_at(row));
  }
}

void append_field(const Column& column, std::int64_t row, std::string& out) {
  if (column.is_null(row)) return append_big_endian<std::int32_t>(-1, out);
  const std::size_t at = out.size();
  append_big_endian<std::int32_t>(0, out);
  append_payload(column, row, out);
  std::string length;
  append_big_endian(static_cast<std::int32_t>(out.size() - at - 4), length);
  std::memcpy(out.data() + at, length.data(), 4);
}

void append_int_field(std::int64_t value, std::string& out) {
  append_big_endian<std::int32_t>(8, out);
  append_big_endian(value, out);
}

void append_field_count(int fields, std::string& out) {
  append_big_endian(static_cast<std::int16_t>(fields), out);
}

std::string array_payload(const Column& column) {
  std::string out;
  bool has_nulls = false;
  for (std::int64_t row = 0; row < column.length(); ++row) has_nulls |= column.is_null(row);
  begin_array(oid(column.type()), column.length(), has_nulls, out);
  for (std::int64_t row = 0; row < column.length(); ++row) append_field(column, row, out);
  return out;
}

std::string array_payload(std::span<const std::int64_t> values) {
  std::string out;
  begin_array(kIntOid, static_cast<std::int64_t>(values.size()), false, out);
  for (const std::int64_t value : values) append_int_field(value, out);
  return out;
}

void read_field(std::string_view payload, ColumnBuilder& out) {
  switch (out.type().kind()) {
    case TypeKind::kInt:
      return out.append_int(read_int(payload));
    case TypeKind::kFloat:
      return out.append_float(std::bit_cast<double>(read_big_endian<std::int64_t>(payload)));
    case TypeKind::kBool:
      return out.append_bool(!payload.empty() && payload[0] != '\0');
    case TypeKind::kTimestamp:
      return out.append_timestamp({read_big_endian<std::int64_t>(payload) + kEpochMicroseconds});
    case TypeKind::kDate:
      return out.append_date({read_big_endian<std::int32_t>(payload) + kEpochDays});
    case TypeKind::kUuid: {
      Uuid uuid;
      std::memcpy(uuid.bytes.data(), payload.data(), uuid.bytes.size());
      return out.append_uuid(uuid);
    }
    case TypeKind::kJson:
      return out.append_text(payload.substr(1));
    default:
      return out.append_text(payload);
  }
}

std::int64_t read_int(std::string_view payload) {
  switch (payload.size()) {
    case 8:
      return read_big_endian<std::int64_t>(payload);
    case 4:
      return read_big_endian<std::int32_t>(payload);
    case 2:
      return read_big_endian<std::int16_t>(payload);
    default:
      return payload.empty() ? 0 : payload[0];
  }
}

TupleReader::TupleReader(std::string_view tuple) : rest_(tuple.substr(2)) {}

bool TupleReader::next(std::string_view& payload) {
  const auto length = read_big_endian<std::int32_t>(rest_);
  rest_.remove_prefix(4);
  if (length < 0) return false;
  payload = rest_.substr(0, static_cast<std::size_t>(length));
  rest_.remove_prefix(static_cast<std::size_t>(length));
  return true;
}

}  // namespace intarsia::wire
