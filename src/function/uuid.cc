// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "function/builtins.h"
#include "function/define.h"

namespace intarsia {
namespace {

/// RFC 9562, version 7: milliseconds since 1970, a 4096th of one, then random bits. So those of one machine ascend.
Uuid time_ordered_uuid() {
  using namespace std::chrono;
  const std::int64_t now = duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
  const std::int64_t milliseconds = now / 1'000'000;
  const std::int64_t fraction = now % 1'000'000 * 4096 / 1'000'000;
  Uuid uuid = Uuid::random();
  for (int byte = 0; byte < 6; ++byte)
    uuid.bytes[static_cast<std::size_t>(byte)] = static_cast<std::uint8_t>(milliseconds >> (40 - 8 * byte));
  uuid.bytes[6] = static_cast<std::uint8_t>(0x70 | fraction >> 8);
  uuid.bytes[7] = static_cast<std::uint8_t>(fraction);
  return uuid;
}

std::string hex(const Uuid& uuid) {
  std::string text = uuid.text();
  std::erase(text, '-');
  return text;
}

}  // namespace

void register_uuid_functions() {
  const Type uuid = TypeKind::kUuid, text = TypeKind::kString;
  define_function("uuid.uuid4", {}, uuid, "A random UUID, version 4; another one in every row.", "pxtf.uuid.uuid4()",
                  scalar_kernel([] { return Uuid::random(); }), {.deterministic = false});
  define_function("uuid.uuid7", {}, uuid,
                  "A UUID, version 7, that begins with the time, so that later ones are greater.", "pxtf.uuid.uuid7()",
                  scalar_kernel(time_ordered_uuid), {.deterministic = false});
  define_method("uuid.to_string", {{"u", uuid}}, text, "With hyphens, in lower case.", "t.key.to_string()",
                scalar_kernel([](const Uuid& u) { return u.text(); }), {.sql = "({0})::text"});
  define_method("uuid.hex", {{"u", uuid}}, text, "32 digits.", "t.key.hex()", scalar_kernel(hex),
                {.sql = "replace(({0})::text, '-', '')"});
}

}  // namespace intarsia
