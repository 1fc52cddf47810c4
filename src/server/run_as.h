// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace intarsia {

/// As whom PostgreSQL's programs run. They refuse uid 0, and initdb refuses a uid without a name.
struct RunAs {
  enum class Mode {
    kSelf,           ///< as this process
    kUserNamespace,  ///< in a user namespace where this process's uid is called `uid`; files belong to this process's
                     ///< uid
    kOtherUser       ///< after a change to `uid`; files belong to `uid`
  };
  Mode mode = Mode::kSelf;
  uid_t uid = 0;
  gid_t gid = 0;

  /// For instance.json: "self", "user namespace", "user 65534".
  [[nodiscard]] std::string text() const;
  /// The uid that owns what PostgreSQL writes, as this process sees it.
  [[nodiscard]] uid_t file_owner() const;
};

/// Decides for a data directory, which may not exist yet: who owns it already, else what this machine allows.
/// Throws Error(kDatabaseUnavailable) when there is no way.
[[nodiscard]] RunAs choose_user(const std::filesystem::path& pgdata);

/// Gives a folder and all in it to the user that PostgreSQL runs as.
void give_to(const RunAs& user, const std::filesystem::path& folder);

/// Starts a program as `user`. `output`: descriptor for stdout and stderr, -1: this process's. With `dies_with_parent`
/// it gets SIGINT, PostgreSQL's fast shutdown, when this process ends in whatever way.
/// Requires: called by the main thread.
pid_t launch(const RunAs& user, const std::vector<std::string>& command, int output, bool dies_with_parent);

struct Finished {
  int status = 0;  ///< as from waitpid
  std::string output;
};
/// Runs a program to its end.
Finished run_program(const RunAs& user, const std::vector<std::string>& command);

}  // namespace intarsia
