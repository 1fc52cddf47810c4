// SPDX-License-Identifier: Apache-2.0
// The points that intarsia/testing.h speaks of.
#pragma once

#include <string_view>

struct pg_conn;

namespace intarsia {

/// A statement that the server fails as it does when its disk is full.
inline constexpr const char* kDiskFull =
    "do $$ begin raise exception using errcode = 'disk_full', message = 'could not extend file: no space left'; end $$";

/// A statement is about to be sent; false: kDiskFull is to be sent in its place.
[[nodiscard]] bool pass_sending_point(pg_conn* session, std::string_view sql);
/// It was answered.
void pass_answer_point(pg_conn* session);
/// A file is about to be written, or was; false: it fails, and errno tells that there is no space.
[[nodiscard]] bool pass_file_point();

}  // namespace intarsia
