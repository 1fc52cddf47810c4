// SPDX-License-Identifier: Apache-2.0
// intarsia-server: PostgreSQL's parent. Started by the library with a pipe as descriptor 3 and the log as stdout and
// stderr; also asked by hand:
//   intarsia-server --home=FOLDER --print-conninfo   starts the server if needed, prints how to connect
//   intarsia-server --home=FOLDER --stop             ends it
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "intarsia/config.h"
#include "intarsia/error.h"
#include "server/home.h"
#include "server/server.h"
#include "server/watch.h"
#include "telemetry/log.h"

extern char** environ;

namespace {

constexpr const char* kUsage =
    "usage: intarsia-server [--home=FOLDER] [--idle-seconds=N] [--postgres-bin=FOLDER] --print-conninfo|--stop\n";
constexpr int kReport = 3;

struct Arguments {
  std::vector<std::pair<std::string, std::string>> settings;
  std::string command;
  bool valid = true;
};

Arguments parse(int count, char** words) {
  static constexpr std::pair<std::string_view, const char*> kSettings[] = {
      {"--home", "home"}, {"--idle-seconds", "idle_seconds"}, {"--postgres-bin", "postgres_bin"}};
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    std::string_view word = words[i];
    const auto equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    bool known = false;
    for (const auto& [option, setting] : kSettings) {
      if (name != option) continue;
      known = equals != std::string_view::npos || i + 1 < count;
      if (known)
        arguments.settings.emplace_back(setting,
                                        equals != std::string_view::npos ? word.substr(equals + 1) : words[++i]);
    }
    if (word == "--print-conninfo" || word == "--stop") {
      arguments.command = word;
      known = true;
    }
    arguments.valid = arguments.valid && known;
  }
  return arguments;
}

/// Leaves what the starter had: its working folder, descriptors, PostgreSQL variables.
void detach() {
  if (fork() != 0) _exit(0);
  prctl(PR_SET_NAME, "intarsia-server");
  if (chdir("/") != 0) _exit(1);
  umask(077);
  fcntl(kReport, F_SETFD, FD_CLOEXEC);
  close_range(kReport + 1, ~0U, 0);
  std::vector<std::string> unwanted = {"LANGUAGE", "NOTIFY_SOCKET"};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (text.starts_with("PG")) unwanted.emplace_back(text.substr(0, text.find('=')));
  }
  for (const std::string& name : unwanted) unsetenv(name.c_str());
  setenv("LC_ALL", "C", 1);
}

/// Files that root makes in another user's home would lock that user out: work as that user.
void become_home_owner(const std::string& home) {
  struct stat folder {};
  if (geteuid() != 0 || stat(home.c_str(), &folder) != 0 || folder.st_uid == 0) return;
  if (setgroups(0, nullptr) != 0 || setgid(folder.st_gid) != 0 || setuid(folder.st_uid) != 0) {
    throw intarsia::Error(
        intarsia::ErrorCode::kDatabaseUnavailable,
        fmt::format("cannot become user {}, who owns '{}': {}", folder.st_uid, home, std::strerror(errno)));
  }
}

void report(const std::string& text) {
  [[maybe_unused]] const ssize_t written = write(kReport, text.data(), text.size());
  close(kReport);
}

void report_and_log(const std::string& text) {
  if (text == "ready")
    intarsia::log(intarsia::LogLevel::kInfo, "server.start", "the embedded server is ready");
  else
    intarsia::log(intarsia::LogLevel::kError, "server.failed", text);
  report(text);
}

int serve(const Arguments& arguments) {
  struct stat pipe {};
  if (fstat(kReport, &pipe) != 0 || !S_ISFIFO(pipe.st_mode)) {
    fmt::print(stderr, "{}", kUsage);
    return 2;
  }
  detach();
  try {
    const intarsia::Config config = intarsia::Config::load(arguments.settings);
    become_home_owner(config.home.string());
    intarsia::open_log(config);
    const int status = intarsia::watch_server(config, report_and_log);
    intarsia::log(intarsia::LogLevel::kInfo, "server.stop", "the embedded server ended");
    return status;
  } catch (const std::exception& error) {
    report(error.what());
    return 1;
  }
}

}  // namespace

int main(int count, char** words) {
  const Arguments arguments = parse(count, words);
  if (!arguments.valid) {
    fmt::print(stderr, "{}", kUsage);
    return 2;
  }
  if (arguments.command.empty()) return serve(arguments);
  try {
    const intarsia::Config config = intarsia::Config::load(arguments.settings);
    if (arguments.command == "--stop") {
      fmt::print("{}\n", intarsia::stop_server(config) ? "stopped" : "was not running");
    } else {
      fmt::print("{}\n", intarsia::ensure_server(config));
    }
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
