// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace intarsia {

struct RunAs;

/// Makes the private folder for the server's Unix socket: home/run (home/run2) if the path of a socket in it is short
/// enough (107 bytes) and the file system knows sockets, else a folder below /tmp, /var/tmp or $XDG_RUNTIME_DIR that is
/// named by a hash of the home. Whoever can enter it is a superuser of the database, so it belongs to `user` and is
/// closed to others; a folder that somebody else made there is not taken, nor is the `avoided` one. Throws
/// Error(kDatabaseUnavailable).
[[nodiscard]] std::string make_socket_dir(const std::filesystem::path& home, const RunAs& user,
                                          const std::string& avoided = {});

/// Removes it, unless it is the home's own.
void remove_socket_dir(const std::filesystem::path& home, const std::string& socket_dir);

}  // namespace intarsia
