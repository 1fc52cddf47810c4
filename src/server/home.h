// SPDX-License-Identifier: Apache-2.0
// The folder of an instance:
//   config.toml    settings (see intarsia/config.h)
//   instance.json  {"format": N, "created": time, "postgres_runs": how the server's user was chosen}
//   server.json    where the running server listens; there only while it runs. Whoever has the lease writes and
//                  removes it, nobody else
//   server.lock    flock: held by whoever starts or stops the server
//   owner.lock     flock: held by intarsia-server and every process of PostgreSQL as long as any of them lives
//   lease.json     which machine or container owns the data (see lease.h)
//   reserve        room on the disk for PostgreSQL's recovery (see disk_reserve.h)
//   pgdata, media, cache, logs, run; for moments pgdata.draft and pgdata.old (see new_files.h)
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "server/place.h"

namespace intarsia {

/// The newest layout of a home that this program reads, and the one that it writes.
inline constexpr int kHomeFormat = 1;

/// Creates what is missing of the home. Throws Error(kInvalidConfiguration) for a home of a newer format and
/// Error(kStoreUnavailable) when it cannot be written.
void prepare_home(const std::filesystem::path& home);

/// Sets one field of instance.json.
void record_in_instance(const std::filesystem::path& home, const std::string& field, const std::string& value);

/// Where a running server listens, and which intarsia-server watches it.
struct ServerState {
  pid_t pid = 0;
  std::string socket_dir;
  Place place;  ///< where `pid` counts

  [[nodiscard]] std::string conninfo(const std::string& database = "intarsia") const;
  [[nodiscard]] std::filesystem::path socket_path() const;
  /// Whether that server lives and is to be used, as far as it can be told from here. Here by `pid`, if an
  /// intarsia-server has that number; in another container of this kernel by the socket, which may be on a volume that
  /// both have; on another machine it is not to be used.
  [[nodiscard]] bool lives() const;

 private:
  [[nodiscard]] bool watcher_lives() const;
  [[nodiscard]] bool answers() const;
};
[[nodiscard]] std::optional<ServerState> read_server_state(const std::filesystem::path& home);
void write_server_state(const std::filesystem::path& home, const ServerState& state);
void remove_server_state(const std::filesystem::path& home);

/// Writes a whole file so that readers see the old one or the new one; `durable`: after a power cut, too. Throws
/// Error(kStoreUnavailable).
void write_atomically(const std::filesystem::path& path, const std::string& content, bool durable = true);
[[nodiscard]] std::optional<std::string> read_whole(const std::filesystem::path& path);

/// Gives a file that root made in another user's home to that user.
void follow_owner(const std::filesystem::path& path);

/// The last lines of a log, for an error message.
[[nodiscard]] std::string log_tail(const std::filesystem::path& path, std::uintmax_t from = 0);

/// An flock on a file, until destruction. Children that inherit the descriptor hold it too.
class FileLock {
 public:
  /// Waits at most `patience`; nullopt when another process still holds it.
  static std::optional<FileLock> acquire(const std::filesystem::path& path, std::chrono::milliseconds patience);
  /// Whether some process holds the lock.
  static bool held(const std::filesystem::path& path);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();
  /// Lets programs that this process executes hold the lock too.
  void inherit();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
  bool inherited_ = false;
};

}  // namespace intarsia
